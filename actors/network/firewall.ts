// firewall.ts: brings our iptables chains to what they should be, many changes in one go
import { run } from './commands.ts';
import type { Names } from './names.ts';
import { chains, jumps } from './rules.ts';

export interface Firewall {
  /** Our chains hold what is wanted now. All who ask while one iptables-restore runs share the next one. */
  commit(): Promise<void>;
  /** The same, and the built-in chains lead to ours, also when somebody flushed them. */
  repair(): Promise<void>;
  /** Nothing of ours is left. */
  remove(): Promise<void>;
}

/** Another program may change the same table between our reading and our writing; then the kernel refuses ours. */
const attempts = 5;
/** Seconds to wait for the lock of the iptables that is not nft's. */
const restore = ['--noflush', '-w', '60'];

/** `wanted` renders all rules at the moment it is called, with the jumps that are missing. */
export function openFirewall(names: Names, wanted: (missing: ReturnType<typeof jumps>) => string): Firewall {
  let jumpsKnown = false;
  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;

  async function write(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const missing = jumpsKnown ? [] : missingJumps(names, await run('iptables-save', []));
        jumpsKnown = true;
        await run('iptables-restore', restore, wanted(missing));
        return;
      } catch (error) {
        jumpsKnown = false;
        if (attempt === attempts) throw error;
      }
    }
  }

  function commit(): Promise<void> {
    next ??= last = last.catch(() => undefined).then(() => {
      next = null;
      return write();
    });
    return next;
  }

  return {
    commit,
    repair: () => {
      jumpsKnown = false;
      return commit();
    },
    remove: async () => {
      await last.catch(() => undefined);
      const removal = removalOf(names, await run('iptables-save', []));
      if (removal) await run('iptables-restore', restore, removal);
      jumpsKnown = false;
    },
  };
}

const missingJumps = (names: Names, saved: string) => {
  const tables = linesByTable(saved);
  return jumps(names).filter(({ table, chain, target }) =>
    !tables.get(table)?.some((line) => line.startsWith(`-A ${chain} `) && line.endsWith(`-j ${target}`)));
};

function removalOf(names: Names, saved: string): string {
  const tables = linesByTable(saved);
  return Object.entries(chains(names)).flatMap(([table, own]) => {
    const lines = tables.get(table) ?? [];
    const present = own.filter((chain) => lines.some((line) => line.startsWith(`:${chain} `)));
    if (present.length === 0) return [];
    const leading = lines.filter((line) => present.some((chain) => line.endsWith(`-j ${chain}`)));
    return [
      `*${table}`, ...leading.map((line) => line.replace(/^-A/, '-D')), ...present.map((chain) => `-F ${chain}`),
      ...present.map((chain) => `-X ${chain}`), 'COMMIT\n',
    ];
  }).join('\n');
}

function linesByTable(saved: string): Map<string, string[]> {
  const tables = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) tables.set(line.slice(1), (lines = []));
    else lines.push(line);
  }
  return tables;
}
