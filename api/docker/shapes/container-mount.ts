// container-mount.ts: a mount as list and inspect tell it
import type { MountPoint } from '../../../events/spec.ts';
import type { Places } from './places.ts';

export interface ShownMount {
  readonly Type: string;
  readonly Name?: string;
  readonly Source: string;
  readonly Destination: string;
  readonly Driver?: string;
  readonly Mode: string;
  readonly RW: boolean;
  readonly Propagation: string;
}

export const shownMount = (mount: MountPoint, places: Places): ShownMount => ({
  Type: mount.type,
  ...(mount.name === undefined ? {} : { Name: mount.name }),
  Source: mount.name === undefined ? mount.source : places.volume(mount.name),
  Destination: mount.destination,
  ...(mount.type === 'volume' ? { Driver: mount.driver ?? 'local' } : {}),
  Mode: mount.mode,
  RW: mount.readWrite,
  Propagation: mount.propagation,
});
