// index.ts: the alphabet: every kind and every fact
import { container, type ContainerFact } from './container.ts';
import { daemon, type DaemonFact } from './daemon.ts';
import { exec, type ExecFact } from './exec.ts';
import type { Row } from './fact.ts';
import { health, type HealthFact } from './health.ts';
import { image, type ImageFact } from './image.ts';
import { network, type NetworkFact } from './network.ts';
import { refusal, type RefusalFact } from './refusal.ts';
import { volume, type VolumeFact } from './volume.ts';

export const kinds = { daemon, container, image, volume, network, exec, health, refusal };
export type KindName = keyof typeof kinds;
export type AnyFact = DaemonFact | ContainerFact | ImageFact | VolumeFact | NetworkFact | ExecFact | HealthFact | RefusalFact;

/** Every fact's row by its type: `container.started`. */
export const rows: ReadonlyMap<string, Row> = new Map(
  Object.values(kinds).flatMap(({ kind, table }) => Object.entries(table).map(([name, row]) => [`${kind}.${name}`, row as Row] as const)),
);

/** `container.started` is of kind `container`. */
export const kindOf = (type: string): KindName => type.slice(0, type.indexOf('.')) as KindName;

/** A stream is named `<kind>-<id>`, so that category projections split it where they do everywhere. */
export const streamOf = (kind: KindName, id: string): string => `${kind}-${id}`;
export const idOf = (stream: string): string => stream.slice(stream.indexOf('-') + 1);
