// _history.ts: what `docker events` tells, read whole and compared
import type { Daemon } from '../_daemon.ts';

export interface Told {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly timeNano: number;
}

/** All of it, from the beginning to now. */
export async function historyOf(daemon: Daemon, ...filters: string[]): Promise<Told[]> {
  const until = (Date.now() / 1000).toFixed(3);
  const text = await daemon.ok('events', '--since', '0', '--until', until, '--format', 'json', ...filters.flatMap((filter) => ['--filter', filter]));
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Told);
}

/** How often something was told of each container, its addresses among it. */
export function counted(history: readonly Told[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { Actor } of history) {
    const id = Actor.Attributes['container'] ?? Actor.ID;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}
