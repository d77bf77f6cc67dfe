// out-of-memory.ts: kills for lack of memory; containerd tells each many times over, the cgroup's own count tells how many there were
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Containerd, unpackJson } from '../containerd/client.ts';
import type { Envelope } from '../containerd/messages.ts';
import type { Spec } from './oci.ts';

export interface OutOfMemory {
  onKill(listener: (id: string) => void): void;
  hear(event: Envelope): void;
  /** Whether the run that has just ended saw a kill; its cgroup must still be there. */
  happened(id: string): Promise<boolean>;
  /** A new run begins, in this cgroup. */
  begin(id: string, cgroupsPath: string): void;
  forget(id: string): void;
  /** Path of the run's cgroup, null when there is no record of a run. */
  cgroupOf(id: string): Promise<string | null>;
}

export function outOfMemory(containerd: Containerd, cgroupVersion: '1' | '2'): OutOfMemory {
  const listeners: ((id: string) => void)[] = [];
  const told = new Map<string, number>();
  const paths = new Map<string, string>();

  /** Runs that began before this daemon did have their path in their record. */
  async function pathOf(id: string): Promise<string | null> {
    const known = paths.get(id);
    if (known) return known;
    const record = await containerd.call('Containers.Get', { id }).catch(() => null);
    const path = record?.container.spec ? (unpackJson(record.container.spec) as Spec).linux.cgroupsPath : null;
    if (path) paths.set(id, path);
    return path;
  }

  async function tell(id: string): Promise<void> {
    const path = await pathOf(id);
    // The cgroup may be gone already: then what was told counts as the first kill.
    const kills = (path === null ? null : killsIn(path, cgroupVersion)) ?? 1;
    if (kills <= (told.get(id) ?? 0)) return;
    told.set(id, kills);
    for (const listener of listeners) listener(id);
  }

  return {
    cgroupOf: pathOf,
    onKill: (listener) => void listeners.push(listener),
    hear: ({ event }) => {
      if (event) void tell(containerd.unpack('containerd.events.TaskOOM', event).containerId);
    },
    happened: async (id) => {
      if (told.has(id)) return true;
      const path = await pathOf(id);
      return path !== null && (killsIn(path, cgroupVersion) ?? 0) > 0;
    },
    begin: (id, cgroupsPath) => {
      told.delete(id);
      paths.set(id, cgroupsPath);
    },
    forget: (id) => {
      told.delete(id);
      paths.delete(id);
    },
  };
}

const files = { 1: ['/sys/fs/cgroup/memory', 'memory.oom_control'], 2: ['/sys/fs/cgroup', 'memory.events'] } as const;

function killsIn(cgroupsPath: string, version: '1' | '2'): number | null {
  const [root, file] = files[version];
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(join(root, cgroupsPath, file), 'utf8'))?.[1] ?? 0);
  } catch {
    return null;
  }
}
