// container-figures.ts: what goes on inside a container: its processes, what it uses, which files it changed
import { noteOf, requireRunning, isRunning } from '../../actors/operations/container.ts';
import { contextOf, findContainer, type Container } from '../../actors/operations/find-container.ts';
import { Refused } from '../../actors/refused.ts';
import { isGone } from '../../actors/roster.ts';
import type { Engine } from '../../actors/engine.ts';
import type { Change } from '../../actors/world.ts';
import { rfc3339 } from '../../events/time.ts';
import { flag, text } from './query.ts';
import { command, json, stream, type Answer, type Call, type Row } from './route.ts';
import { shownStats, type Sample } from './shapes/container-stats.ts';

/** Nothing else may be called PID. moby: daemon/top_unix.go validatePSArgs */
function checkArguments(args: string): void {
  for (const [, key = '', value = ''] of args.matchAll(/\s+(\S*)=\s*(PID\S*)/g)) {
    if (key !== 'pid') throw new Refused('failed', `specifying "${key}=${value}" is not allowed`);
  }
}

async function top({ engine, params, query, asker }: Call): Promise<Answer> {
  const args = text(query, 'ps_args') || '-ef';
  checkArguments(args);
  const container = findContainer(engine.roster, params.id!);
  requireRunning(container);
  const { titles, rows } = await engine.world.runtime.processes(container.id, args.split(' '));
  await noteOf(engine, container, { type: 'container.topped', data: {} }, asker).catch(() => undefined);
  return json({ Titles: titles, Processes: rows });
}

const kinds: Readonly<Record<Change['kind'], number>> = { modified: 0, added: 1, deleted: 2 };

async function changes({ engine, params }: Call): Promise<Answer> {
  const found = await engine.world.runtime.changes(findContainer(engine.roster, params.id!).id);
  return json(found.length > 0 ? found.map(({ path, kind }) => ({ Path: path, Kind: kinds[kind] })) : null);
}

const second = 1_000_000_000n;

async function sampleOf(engine: Engine, container: Container): Promise<Sample> {
  const figures = isRunning(container) ? await engine.world.runtime.figures(container.id).catch(() => null) : null;
  return { at: rfc3339(engine.world.clock.now()), figures };
}

/** One each second, for as long as the container exists and the client listens. */
async function* samples({ engine, signal }: Call, container: Container): AsyncGenerator<string> {
  const { clock } = engine.world;
  let before: Sample | null = null;
  while (!isGone(container.snapshot) && !signal.aborted) {
    const due = clock.now() + second;
    const sample = await sampleOf(engine, container);
    yield `${JSON.stringify(shownStats(contextOf(container), sample, before))}\n`;
    before = sample.figures ? sample : null;
    await clock.until(due, signal).catch(() => undefined);
  }
}

/** Usage of processors needs two samples, unless the client counts by itself. */
async function once({ engine, query, version, signal }: Call, container: Container): Promise<Answer> {
  const first = await sampleOf(engine, container);
  if (!first.figures || (version >= 41 && flag(query, 'one-shot'))) return json(shownStats(contextOf(container), first, null));
  await engine.world.clock.until(engine.world.clock.now() + second, signal);
  return json(shownStats(contextOf(container), await sampleOf(engine, container), first));
}

function stats(call: Call): Answer | Promise<Answer> {
  const container = findContainer(call.engine.roster, call.params.id!);
  return flag(call.query, 'stream', true) ? stream('application/json', samples(call, container)) : once(call, container);
}

export const rows: readonly Row[] = [
  command('GET', '/containers/{id}/top', top),
  command('GET', '/containers/{id}/changes', changes),
  command('GET', '/containers/{id}/stats', stats),
];
