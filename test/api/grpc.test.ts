// grpc.test.ts: KurrentDB's own client, unmodified, reads the history and subscribes to it
import type { Filter } from '@kurrent/kurrentdb-client';
import test from 'ava';
import { memoryLog } from '../../events/stores/memory.ts';
import { clientOf, first, happen, happening, kurrent, numberOf, serve, shown } from './_grpc.ts';

const it = kurrent ? test : test.skip;
const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);

it('a client reads the whole history, each fact with its type, data, time, cause and place', async (t) => {
  const { log, client } = await serve(t);
  await happen(log, 1200);
  const seen = await first(client.readAll(), 5000);
  t.deepEqual(seen.map((each) => numberOf(shown(each))), numbers(1200));
  const facts = [];
  for await (const batch of log.read({ limit: 1 })) facts.push(...batch);
  const event = seen[0]!.event!;
  const { id, type, stream, time, cause } = facts[0]!;
  t.like(event, { id, type, streamId: stream, revision: 0n, isJson: true, data: { number: 0 } });
  t.deepEqual(event.position, { commit: 0n, prepare: 0n });
  t.like(event.metadata as object, { position: 0, revision: 0, time: time.toString(), cause });
});

it('history is read from a position on, backwards, and in part', async (t) => {
  const { log, client } = await serve(t);
  await happen(log, 700);
  const at = (number: number) => ({ commit: BigInt(number), prepare: BigInt(number) });
  const read = async (options: object) => (await first(client.readAll(options), 5000)).map((each) => numberOf(shown(each)));
  t.deepEqual(await read({ fromPosition: at(650), maxCount: 10 }), numbers(10, 650));
  t.deepEqual(await read({ direction: 'backwards', fromPosition: 'end', maxCount: 3 }), [699, 698, 697]);
  t.deepEqual(await read({ direction: 'backwards', fromPosition: at(3) }), [2, 1, 0]);
  t.deepEqual(await read({ fromPosition: at(700) }), []);
});

it('a stream is read by revision; one that does not exist is not found', async (t) => {
  const { log, client } = await serve(t);
  await happen(log, 40);
  const read = async (options: object) => (await first(client.readStream('container-a', options), 500)).map((each) => Number(shown(each).revision));
  t.deepEqual(await read({}), numbers(10));
  t.deepEqual(await read({ fromRevision: 7n }), [7, 8, 9]);
  t.deepEqual(await read({ fromRevision: 2n, direction: 'backwards' }), [2, 1, 0]);
  t.deepEqual(await read({ direction: 'backwards', fromRevision: 'end', maxCount: 2 }), [9, 8]);
  t.deepEqual(await read({ fromRevision: 50n }), []);
  await t.throwsAsync(first(client.readStream('container-nobody'), 1), { instanceOf: kurrent!.StreamNotFoundError });
});

it('history is filtered by stream and by type, by prefix and by pattern', async (t) => {
  const { log, client } = await serve(t);
  await happen(log, 80);
  const { streamNameFilter, eventTypeFilter, excludeSystemEvents } = kurrent!;
  const read = async (filter: Filter) => (await first(client.readAll({ filter }), 500)).map((each) => shown(each));
  t.deepEqual(new Set((await read(streamNameFilter({ prefixes: ['image-', 'network-'] }))).map(({ streamId }) => streamId)), new Set(['image-1', 'network-n']));
  t.deepEqual(new Set((await read(eventTypeFilter({ prefixes: ['container.ex', 'image.'] }))).map(({ type }) => type)), new Set(['image.created']));
  t.is((await read(streamNameFilter({ regex: '^container-[ab]$' }))).length, 40);
  t.is((await read(eventTypeFilter({ regex: 'created$' }))).length, 40);
  t.is((await read(excludeSystemEvents())).length, 80);
});

it('a pattern that cannot be used, or would take for ever, is refused', async (t) => {
  const { log, client } = await serve(t);
  await log.append('container-a', -1, [happening(`container.${'a'.repeat(40)}`)]);
  const { eventTypeFilter } = kurrent!;
  await t.throwsAsync(first(client.readAll({ filter: eventTypeFilter({ regex: '(' }) }), 1), { message: /pattern/ });
  await t.throwsAsync(first(client.readAll({ filter: eventTypeFilter({ regex: '^container\\.(a+)+$x' }) }), 1), { message: /too long/ });
});

it('a subscriber to everything gets history and then what happens, each fact once', async (t) => {
  const { log, client } = await serve(t);
  await happen(log, 600);
  const subscription = client.subscribeToAll();
  const caughtUp = new Promise<void>((resolve) => subscription.once('caughtUp', () => resolve()));
  const all = first(subscription, 900);
  await caughtUp;
  await happen(log, 300);
  t.deepEqual((await all).map((each) => numberOf(shown(each))), numbers(900));
});

it('a subscriber to one stream gets its facts alone, from a revision on', async (t) => {
  const { log, client } = await serve(t);
  await happen(log, 40);
  const after = first(client.subscribeToStream('container-b', { fromRevision: 6n }), 5);
  const live = client.subscribeToStream('container-b', { fromRevision: 'end' });
  await new Promise<void>((resolve) => live.once('caughtUp', () => resolve()));
  const later = first(live, 2);
  await happen(log, 8);
  t.deepEqual((await after).map((each) => Number(shown(each).revision)), [7, 8, 9, 10, 11]);
  t.deepEqual((await later).map((each) => Number(shown(each).revision)), [10, 11]);
});

it('a subscription to a stream that is yet to come waits for it', async (t) => {
  const { log, client } = await serve(t);
  const subscription = client.subscribeToStream('container-new');
  await new Promise<void>((resolve) => subscription.once('confirmation', () => resolve()));
  const seen = first(subscription, 1);
  await log.append('container-new', -1, [happening('container.created', { number: 1 })]);
  t.is(numberOf(shown((await seen)[0]!)), 1);
});

it('the streams of a category are followed together, and resumed by the revision of the link', async (t) => {
  const { log, client } = await serve(t);
  await happen(log, 40);
  const seen = await first(client.subscribeToStream('$ce-container', { resolveLinkTos: true }), 12);
  t.deepEqual(new Set(seen.map((each) => shown(each).streamId)), new Set(['container-a', 'container-b']));
  t.is(seen[0]!.link!.streamId, '$ce-container');
  const rest = await first(client.subscribeToStream('$ce-container', { resolveLinkTos: true, fromRevision: seen[11]!.link!.revision }), 8);
  t.deepEqual([...seen, ...rest].map((each) => numberOf(shown(each))), numbers(40).filter((number) => number % 2 === 0));
  const [link] = await first(client.readStream('$ce-container', { maxCount: 1 }), 1);
  t.is(link!.event!.type, '$>');
  const types = await first(client.readStream('$et-network.created', { resolveLinkTos: true }), 50);
  t.deepEqual(new Set(types.map((each) => shown(each).type)), new Set(['network.created']));
});

it('a filtered subscriber is told how far it is, and resumes there', async (t) => {
  const { log, client } = await serve(t);
  await happen(log, 2000);
  const reached: bigint[] = [];
  const filter = kurrent!.streamNameFilter({ prefixes: ['none-'], maxSearchWindow: 100, checkpointInterval: 1, checkpointReached: (_subscription, { commit }) => void reached.push(commit) });
  const subscription = client.subscribeToAll({ filter });
  subscription.resume();
  await new Promise<void>((resolve) => subscription.once('caughtUp', () => resolve()));
  t.true(reached.length > 1);
  t.is(reached.at(-1), 1999n);
  await log.append('none-1', -1, [happening('none.created', { number: 2000 })]);
  const resumed = client.subscribeToAll({ fromPosition: { commit: 1999n, prepare: 1999n }, filter: kurrent!.streamNameFilter({ prefixes: ['none-'] }) });
  t.is(numberOf(shown((await first(resumed, 1))[0]!)), 2000);
  await subscription.unsubscribe();
});

it('a subscriber that resumes has each fact once and in order, however often the server ends', async (t) => {
  const { log, client, restart } = await serve(t);
  const seen: number[] = [];
  let last: { commit: bigint; prepare: bigint } | 'start' = 'start';
  let lives = 0;
  // The server goes away under the client's hands, with more on its way; whoever comes too early comes again.
  while (seen.length < 480) {
    if (log.head() + 1 < 480) await happen(log, 120);
    const subscription = client.subscribeToAll({ fromPosition: last });
    await new Promise<void>((resolve) => {
      subscription.on('error', () => resolve());
      subscription.on('end', () => resolve());
      subscription.on('data', ({ event }) => {
        seen.push(numberOf(event!));
        last = event!.position!;
        if (seen.length === lives * 120 + 70) {
          lives += 1;
          void restart();
        } else if (seen.length === 480) void subscription.unsubscribe().then(resolve);
      });
    });
  }
  t.is(lives, 4);
  t.deepEqual(seen, numbers(480));
});

it('clients cannot append to the streams of the engine, nor delete them', async (t) => {
  const { log, client } = await serve(t);
  await happen(log, 4);
  const event = kurrent!.jsonEvent({ type: 'container.removed', data: {} });
  await t.throwsAsync(client.appendToStream('container-a', event), { instanceOf: kurrent!.AccessDeniedError });
  await t.throwsAsync(client.appendToStream('container-a', event, { credentials: { username: 'a', password: 'b' } }), { instanceOf: kurrent!.AccessDeniedError });
  await t.throwsAsync(client.deleteStream('container-a'), { message: /UNIMPLEMENTED.*cannot be deleted by clients/ });
  await t.throwsAsync(client.listProjections(), { message: /UNIMPLEMENTED/ });
  t.is(log.head(), 3);
});

it('clients append to the scratch area, which is apart from the history', async (t) => {
  const { log, client } = await serve(t);
  await happen(log, 4);
  const event = (number: number) => kurrent!.jsonEvent({ type: 'note', data: { number }, metadata: { by: 'me' } });
  const one = await client.appendToStream('scratch-1', [event(0), event(1)], { streamState: 'no_stream' });
  t.is(one.nextExpectedRevision, 1n);
  await client.appendToStream('scratch-1', event(2), { streamState: 1n });
  await client.appendToStream('scratch-2', event(3));
  await client.appendToStream('scratch-1', event(4), { credentials: { username: 'a', password: 'b' } });
  await t.throwsAsync(client.appendToStream('scratch-1', event(5), { streamState: 1n }), { instanceOf: kurrent!.WrongExpectedVersionError });
  await t.throwsAsync(client.appendToStream('scratch-9', event(5), { streamState: 'stream_exists' }), { instanceOf: kurrent!.WrongExpectedVersionError });
  const seen = await first(client.readStream('scratch-1'), 50);
  t.deepEqual(seen.map((each) => numberOf(shown(each))), [0, 1, 2, 4]);
  t.deepEqual(seen[0]!.event!.metadata, { by: 'me' });
  t.is((await first(client.readAll({ filter: kurrent!.streamNameFilter({ prefixes: ['scratch-'] }) }), 50)).length, 5);
  t.is((await first(client.readAll(), 50)).length, 4);
});

it('a client that never reads costs nobody anything, and is caught up when it reads', async (t) => {
  const log = memoryLog();
  const { client, address } = await serve(t, { log });
  const lazy = clientOf(t, address).subscribeToAll();
  await new Promise<void>((resolve) => lazy.once('confirmation', () => resolve()));
  const padding = 'x'.repeat(2000);
  for (let number = 0; number < 5000; number += 500) {
    await log.append('container-a', number - 1, Array.from({ length: 500 }, (_, index) => happening('container.started', { number: number + index, padding })));
  }
  t.is((await first(client.subscribeToAll(), 5000)).length, 5000);
  t.deepEqual((await first(lazy, 5000)).map((each) => numberOf(shown(each))), numbers(5000));
});
