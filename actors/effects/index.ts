// index.ts: every kind's effects, by the names that its chart gives them
import { containerEffects } from './container.ts';
import { execEffects } from './exec.ts';
import { healthEffects } from './health.ts';
import { imageEffects } from './image.ts';
import { networkEffects } from './network.ts';
import { volumeEffects } from './volume.ts';

export const effects = {
  container: containerEffects,
  exec: execEffects,
  health: healthEffects,
  image: imageEffects,
  network: networkEffects,
  volume: volumeEffects,
};
