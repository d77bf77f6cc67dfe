// store.ts: what every piece of work on images is given
import type { RegistryOptions } from '../registry/endpoint.ts';
import type { Containerd } from '../containerd/client.ts';
import type { Clock, Platform, Random } from '../world.ts';
import type { Gate, Turns } from './turns.ts';

export interface Store {
  readonly containerd: Containerd;
  readonly clock: Clock;
  readonly random: Random;
  readonly registries: RegistryOptions;
  /** This machine's own. */
  readonly platform: Platform;
  /** Downloads going on at once, of all pulls together. */
  readonly downloads: Gate;
  readonly uploads: Gate;
  /** By digest of a blob, by chain id of a snapshot. */
  readonly turns: Turns;
}
