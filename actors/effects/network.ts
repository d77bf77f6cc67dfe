// network.ts: the effects of a network
import type { Context } from '../../machines/network/chart.ts';
import type { Effect } from '../effect.ts';
import { failureOf } from './failure.ts';

const ensureNetwork: Effect<'network', Context> = async ({ engine, context }) => {
  try {
    await engine.world.networks.ensure(context.network);
    return { name: 'reportCreated' };
  } catch (error) {
    return { name: 'reportCreateFailed', failure: failureOf(error) };
  }
};

const removeNetwork: Effect<'network', Context> = async ({ engine, context }) => {
  try {
    await engine.world.networks.remove(context.network);
    return { name: 'reportRemoved' };
  } catch (error) {
    return { name: 'reportRemoveFailed', failure: failureOf(error) };
  }
};

export const networkEffects = { ensureNetwork, removeNetwork };
