// containers.ts: what exists and what becomes of it: list, inspect, start, stop, kill, pause, rename, wait, remove, update, prune
import {
  killContainer, pauseContainer, pruneContainers, removeContainer, renameContainer, resizeContainer, restartContainer, sizeOfContainer, startContainer, stopContainer,
  unpauseContainer, updateContainer, type StopWish,
} from '../../actors/operations/container.ts';
import { contextOf, findContainer } from '../../actors/operations/find-container.ts';
import { waitConditions, waitFor, type WaitCondition } from '../../actors/operations/wait.ts';
import { Refused } from '../../actors/refused.ts';
import type { Resources, RestartPolicy } from '../../events/spec.ts';
import { nanoseconds } from '../../events/time.ts';
import { knownFilters, selected } from './container-filter.ts';
import { fromGoJson } from './go-json.ts';
import { timeOf } from './moment.ts';
import { filters, flag, hasLabels, integer, text, type Filters } from './query.ts';
import { command, empty, json, jsonText, query, stream, type Answer, type Call, type Row } from './route.ts';
import { inspected } from './shapes/container-inspect.ts';
import { listed, type Listing } from './shapes/container-list.ts';
import { updateShape } from './shapes/container-request.ts';
import { placesOf } from './shapes/places.ts';

const milliseconds = (time: bigint): number => Number(time / 1_000_000n);

async function list(call: Call): Promise<Answer> {
  const { query: asked, roster, engine, version } = call;
  const containers = selected({
    roster, filters: filters(asked, knownFilters), all: flag(asked, 'all'), limit: integer(asked, 'limit') ?? 0,
    before: text(asked, 'before'), since: text(asked, 'since'),
  });
  const listing: Listing = { places: placesOf(engine, call.face.dataRoot), roster, version, nowMs: milliseconds(roster === engine.roster ? engine.world.clock.now() : roster.time), images: new Map() };
  const sizes = flag(asked, 'size') ? await Promise.all(containers.map((container) => sizeOfContainer(engine, container))) : null;
  return jsonText(`[${containers.map((container, index) => listed(listing, container, sizes?.[index] ?? null)).join(',')}]`);
}

async function inspect({ params, roster, engine, version, face, query: asked }: Call): Promise<Answer> {
  const container = findContainer(roster, params.id!);
  const size = flag(asked, 'size') ? await sizeOfContainer(engine, container) : null;
  return json(inspected({ roster, places: placesOf(engine, face.dataRoot), version }, container, size));
}

async function start({ engine, params, asker, headers }: Call): Promise<Answer> {
  // A non-nil JSON object is at least 7 characters. moby: postContainersStart
  if (Number(headers['content-length'] ?? 0) > 7 || headers['transfer-encoding'] !== undefined) {
    throw new Refused('invalid', 'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24');
  }
  await startContainer(engine, params.id!, asker);
  return empty();
}

const wishOf = ({ query: asked, version }: Call): StopWish => ({
  signal: version >= 42 ? text(asked, 'signal') || null : null,
  timeoutSeconds: integer(asked, 't'),
});

/** Headers go out at once, so that a client knows that it waits before it starts the container. Before 1.30 it did not. */
async function wait(call: Call): Promise<Answer> {
  const { engine, params, query: asked, version } = call;
  const condition = (version >= 30 && asked.get('condition')) || 'not-running';
  if (!waitConditions.includes(condition as WaitCondition)) throw new Refused('invalid', `invalid condition: "${condition}"`);
  const container = findContainer(engine.roster, params.id!);
  const waited = waitFor(engine, container, condition as WaitCondition, call.signal);
  if (version < 30) return json(await waited);
  const answer = async function* () {
    const result = await waited;
    if (result && !(version < 34 && condition === 'removed' && result.Error)) yield `${JSON.stringify(result)}\n`;
  };
  return stream('application/json', answer());
}

async function update(call: Call): Promise<Answer> {
  const { engine, params, asker, version } = call;
  const { RestartPolicy: policy, ...resources } = fromGoJson<Resources & { RestartPolicy: RestartPolicy }>('UpdateConfig', updateShape, await call.json());
  if (version < 40) delete resources.PidsLimit;
  if (resources.PidsLimit !== undefined && resources.PidsLimit !== null && resources.PidsLimit <= 0) resources.PidsLimit = 0;
  const asked = Object.fromEntries(Object.entries(resources).filter(([, value]) => value !== 0 && value !== ''));
  if (resources.PidsLimit === 0) asked.PidsLimit = 0;
  const restartPolicy = policy?.Name ? { Name: policy.Name, MaximumRetryCount: policy.MaximumRetryCount ?? 0 } : null;
  const { warnings } = await updateContainer(engine, params.id!, { resources: asked, restartPolicy }, asker);
  return json({ Warnings: warnings });
}

function size(asked: URLSearchParams, name: 'h' | 'w'): number {
  const value = asked.get(name) ?? '';
  const complaint = !/^-?\d+$/.test(value) ? 'invalid syntax' : Number(value) < 0 || Number(value) > 0xffff_ffff ? 'value out of range' : null;
  if (complaint !== null) throw new Refused('invalid', `invalid resize ${name === 'h' ? 'height' : 'width'} "${value}": ${complaint}`);
  return Number(value);
}
export const sizeOf = (asked: URLSearchParams) => ({ height: size(asked, 'h'), width: size(asked, 'w') });

/** What a prune spares: what is younger, what has not these labels, what has those. */
export function pruned(given: Filters, nowNanos: bigint): (labels: Readonly<Record<string, string>>, createdAt: string) => boolean {
  const [until, ...more] = given.get('until') ?? [];
  if (more.length > 0) throw new Refused('invalid', 'more than one until filter specified');
  const limit = timeOf(until ?? '', nowNanos);
  const [wanted, unwanted] = [given.get('label') ?? [], given.get('label!') ?? []];
  return (labels, createdAt) =>
    (limit === null || (nanoseconds(createdAt) ?? 0n) <= limit) && hasLabels(labels, wanted) && !unwanted.some((label) => hasLabels(labels, [label]));
}

async function prune({ engine, query: asked, asker }: Call): Promise<Answer> {
  const wanted = pruned(filters(asked, ['label', 'label!', 'until']), engine.world.clock.now());
  const { removed, reclaimed } = await pruneContainers(engine, (container) => {
    const { spec, createdAt } = contextOf(container);
    return wanted(spec.config.Labels, createdAt);
  }, asker);
  return json({ ContainersDeleted: removed.length > 0 ? removed : null, SpaceReclaimed: reclaimed });
}

/** What is done with `{id}` and has nothing to tell. */
const deed = (name: string, act: (call: Call) => Promise<void>): Row =>
  command('POST', `/containers/{id}/${name}`, async (call) => {
    await act(call);
    return empty();
  });

export const rows: readonly Row[] = [
  query('GET', '/containers/json', list),
  query('GET', '/containers/{id}/json', inspect),
  command('POST', '/containers/{id}/start', start),
  deed('stop', (call) => stopContainer(call.engine, call.params.id!, wishOf(call), call.asker)),
  deed('restart', (call) => restartContainer(call.engine, call.params.id!, wishOf(call), call.asker)),
  deed('kill', ({ engine, params, query: asked, asker }) => killContainer(engine, params.id!, text(asked, 'signal'), asker)),
  deed('pause', ({ engine, params, asker }) => pauseContainer(engine, params.id!, asker)),
  deed('unpause', ({ engine, params, asker }) => unpauseContainer(engine, params.id!, asker)),
  deed('rename', ({ engine, params, query: asked, asker }) => renameContainer(engine, params.id!, text(asked, 'name'), asker)),
  command('POST', '/containers/{id}/resize', async ({ engine, params, query: asked, asker }) => {
    await resizeContainer(engine, params.id!, sizeOf(asked), asker);
    return empty(200);
  }),
  command('POST', '/containers/{id}/wait', wait),
  command('POST', '/containers/{id}/update', update),
  command('POST', '/containers/prune', prune, { since: 25 }),
  command('DELETE', '/containers/{id}', async ({ engine, params, query: asked, asker }) => {
    if (flag(asked, 'link')) throw new Refused('notImplemented', 'removing a link by itself is not supported: remove the container that has it');
    await removeContainer(engine, params.id!, { force: flag(asked, 'force'), volumes: flag(asked, 'v') }, asker);
    return empty();
  }),
];
