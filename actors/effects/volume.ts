// volume.ts: the effects of a volume
import type { Context } from '../../machines/volume/chart.ts';
import type { Effect } from '../effect.ts';
import { failureOf } from './failure.ts';

const createVolume: Effect<'volume', Context> = async ({ engine, context }) => {
  try {
    await engine.world.volumes.create(context.volume);
    return { name: 'reportCreated' };
  } catch (error) {
    return { name: 'reportCreateFailed', failure: failureOf(error) };
  }
};

const removeVolume: Effect<'volume', Context> = async ({ engine, context }) => {
  try {
    await engine.world.volumes.remove(context.volume);
    return { name: 'reportRemoved' };
  } catch (error) {
    return { name: 'reportRemoveFailed', failure: failureOf(error) };
  }
};

export const volumeEffects = { createVolume, removeVolume };
