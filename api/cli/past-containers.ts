// past-containers.ts: containers by what they were ever called, removed ones too
import type { Recorded } from '../../events/fact.ts';
import type { Log } from '../../events/log.ts';

export interface Finder {
  /** Streams of the containers that were ever called so, in the order in which they were. */
  readonly streams: ReadonlySet<string>;
  look(fact: Recorded): void;
}

const nameIn: Readonly<Record<string, (data: unknown) => string>> = {
  'container.createRequested': (data) => (data as { name: string }).name,
  'container.renamed': (data) => (data as { name: string }).name,
};

/** By name, by id, or by the beginning of an id. */
export function containerFinder(reference: string): Finder {
  const streams = new Set<string>();
  const wanted = reference.replace(/^\//, '');
  const isId = /^[0-9a-f]+$/.test(wanted);
  return {
    streams,
    look: ({ stream, type, data }) => {
      const name = nameIn[type]?.(data);
      if (name === undefined) return;
      if (name !== wanted && !(isId && stream.startsWith(`container-${wanted}`))) return;
      // The one that bore the name last stands last.
      streams.delete(stream);
      streams.add(stream);
    },
  };
}

export async function findPastContainers(log: Log, reference: string, to = log.head()): Promise<Finder> {
  const finder = containerFinder(reference);
  for await (const batch of log.read({ to })) for (const fact of batch) finder.look(fact);
  return finder;
}
