// image.ts: the effects of an image
import type { Context } from '../../machines/image/chart.ts';
import type { Effect } from '../effect.ts';
import { retried } from './retry.ts';

const dropContent: Effect<'image', Context> = async ({ engine, context, signal }) => {
  await retried(engine, signal, () => engine.world.images.remove(context.image));
  return { name: 'reportSwept' };
};

export const imageEffects = { dropContent };
