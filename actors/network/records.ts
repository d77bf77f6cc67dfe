// records.ts: small files that tell a restarted daemon what of the network is there
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A folder of JSON files, held in memory and written through; it lies under the exec-root, so a reboot clears it. */
export interface Records<T> {
  get(name: string): T | undefined;
  set(name: string, value: T): void;
  delete(name: string): void;
  entries(): [string, T][];
}

export function openRecords<T>(folder: string): Records<T> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const held = new Map<string, T>();
  const path = (name: string) => join(folder, `${encodeURIComponent(name)}.json`);
  for (const file of readdirSync(folder)) {
    const value = file.endsWith('.json') ? parsed<T>(join(folder, file)) : undefined;
    if (value === undefined) rmSync(join(folder, file), { force: true });
    else held.set(decodeURIComponent(file.slice(0, -'.json'.length)), value);
  }
  return {
    get: (name) => held.get(name),
    set: (name, value) => {
      // Renamed into place: a crash leaves the old text or the new one.
      writeFileSync(`${path(name)}.new`, JSON.stringify(value));
      renameSync(`${path(name)}.new`, path(name));
      held.set(name, value);
    },
    delete: (name) => {
      rmSync(path(name), { force: true });
      held.delete(name);
    },
    entries: () => [...held],
  };
}

/** Undefined when the machine lost power before the text was on disk: then what it told of is gone as well. */
function parsed<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
