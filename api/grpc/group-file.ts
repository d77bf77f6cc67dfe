// group-file.ts: where persistent subscriptions are, kept in a file for each
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Filter } from './filter.ts';

export interface GroupSettings {
  readonly resolveLinks: boolean;
  readonly extraStatistics: boolean;
  /** 0: a message may be kept without end. */
  readonly messageTimeoutMs: number;
  readonly maxRetryCount: number;
  readonly checkpointAfterMs: number;
  readonly minCheckpointCount: number;
  readonly maxCheckpointCount: number;
  /** 0: any number. */
  readonly maxSubscriberCount: number;
  readonly liveBufferSize: number;
  readonly readBatchSize: number;
  readonly historyBufferSize: number;
  readonly strategy: string;
}

export interface Parked {
  readonly position: number;
  readonly reason: string;
}

/** All of a group that has to last. */
export interface GroupState {
  /** The stream's name, or `$all`. */
  readonly source: string;
  readonly filter: Filter | null;
  readonly name: string;
  readonly settings: GroupSettings;
  /** As it was asked for, and as it is told again. */
  readonly startFrom: string;
  /** The first revision that is wanted, of a single stream. */
  readonly floor: number;
  /** Everything up to this position is handled or parked. */
  readonly checkpoint: number;
  /** Positions beyond the checkpoint that are handled already. */
  readonly handled: readonly number[];
  readonly parked: readonly Parked[];
}

export interface GroupFiles {
  /** With a sentence for each file that cannot be used. */
  load(): Promise<{ states: GroupState[]; complaints: string[] }>;
  /** Resolves when it is durable. */
  save(state: GroupState): Promise<void>;
  remove(source: string, name: string): Promise<void>;
}

/** Of a log that does not last, neither do they. */
export const noFiles: GroupFiles = { load: async () => ({ states: [], complaints: [] }), save: async () => undefined, remove: async () => undefined };

export function groupFiles(folder: string): GroupFiles {
  const pathOf = (source: string, name: string) => join(folder, `${createHash('sha256').update(JSON.stringify([source, name])).digest('hex').slice(0, 32)}.json`);

  async function load() {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const states: GroupState[] = [];
    const complaints: string[] = [];
    for (const file of (await readdir(folder)).filter((each) => each.endsWith('.json'))) {
      try {
        states.push(JSON.parse(await readFile(join(folder, file), 'utf8')) as GroupState);
      } catch (error) {
        complaints.push(`the persistent subscription in ${join(folder, file)} cannot be read: ${(error as Error).message}`);
      }
    }
    return { states, complaints };
  }

  async function save(state: GroupState) {
    const path = pathOf(state.source, state.name);
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(state));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  }

  return { load, save, remove: (source, name) => rm(pathOf(source, name), { force: true }) };
}
