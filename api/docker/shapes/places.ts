// places.ts: where a container's things are on the host, also while the world is not reached yet
import type { ContainerSpec } from '../../../events/spec.ts';
import type { Engine } from '../../../actors/engine.ts';
import { WorldFailure } from '../../../actors/world.ts';

export interface Places {
  readonly dataRoot: string;
  volume(name: string): string;
  log(id: string, spec: ContainerSpec): string;
}

/** Lists are answered as soon as the log is folded: then the doors may not be open, and the usual place is told. */
export function placesOf({ world }: Engine, dataRoot: string): Places {
  const asked = <T>(ask: () => T): T | null => {
    try {
      return ask();
    } catch (error) {
      if (error instanceof WorldFailure) return null;
      throw error;
    }
  };
  const [volumes, stdio] = [asked(() => world.volumes), asked(() => world.stdio)];
  return {
    dataRoot,
    volume: (name) => volumes?.path({ name }) ?? `${dataRoot}/volumes/${name}/_data`,
    log: (id, spec) => stdio?.logPath(id, spec) ?? '',
  };
}
