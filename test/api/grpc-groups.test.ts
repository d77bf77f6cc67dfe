// grpc-groups.test.ts: persistent subscriptions, as KurrentDB's own client uses them
import type { PersistentSubscriptionToAll, PersistentSubscriptionToStream } from '@kurrent/kurrentdb-client';
import test from 'ava';
import { clientOf, happen, kurrent, numberOf, serve, shown } from './_grpc.ts';

const it = kurrent ? test : test.skip;
const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);
const all = (changes: object = {}) => kurrent!.persistentSubscriptionToAllSettingsFromDefaults({ startFrom: 'start', ...changes });
const stream = (changes: object = {}) => kurrent!.persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: 'start', ...changes });

type Consumed = PersistentSubscriptionToAll | PersistentSubscriptionToStream;
type Given = Parameters<Consumed['ack']>[0];

/** Hands over what comes until `enough` says so; what comes then is left unanswered, for another consumer. */
function consume(subscription: Consumed, handle: (given: Given, retries: number) => Promise<unknown>, enough: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    subscription.on('error', reject);
    subscription.on('data', (given: Given & { retryCount: number }) => {
      if (enough()) return resolve();
      handle(given, given.retryCount).then(() => {
        if (enough()) resolve();
      }, reject);
    });
  });
}

it('a group hands each fact to its consumer, who acknowledges it, and goes on where it was', async (t) => {
  const { log, client, restart } = await serve(t);
  await happen(log, 60);
  await client.createPersistentSubscriptionToAll('workers', all());
  const seen: number[] = [];
  for (let life = 1; life <= 3; life += 1) {
    const subscription = client.subscribeToPersistentSubscriptionToAll('workers');
    await consume(subscription, async (given) => {
      seen.push(numberOf(shown(given)));
      await subscription.ack(given);
      if (seen.length === 10) await happen(log, 60);
    }, () => seen.length === life * 40);
    // What is unacknowledged when a consumer leaves is given to the next; what it acknowledged, at the latest when the server ends, is not.
    await settled(async () => (await client.getPersistentSubscriptionToAllInfo('workers')).stats.lastCheckpointedEventPosition?.commit === BigInt(life * 40 - 1));
    await subscription.unsubscribe();
    await restart();
    await answered(() => client.getPersistentSubscriptionToAllInfo('workers'));
  }
  t.deepEqual(seen, numbers(120));
});

it('what is refused is tried again, so often as the group says, and then parked', async (t) => {
  const { log, client, restart } = await serve(t);
  await happen(log, 8);
  await client.createPersistentSubscriptionToStream('container-a', 'careful', stream({ maxRetryCount: 2 }));
  const tries = new Map<number, number[]>();
  const done = new Set<number>();
  const subscription = client.subscribeToPersistentSubscriptionToStream('container-a', 'careful');
  await consume(subscription, async (given, retries) => {
    const number = numberOf(shown(given));
    tries.set(number, [...(tries.get(number) ?? []), retries]);
    if (number === 4) return retries === 2 ? (done.add(4), subscription.nack('retry', 'no', given)) : subscription.nack('retry', 'no', given);
    await subscription.ack(given);
    done.add(0);
  }, () => done.size === 2);
  t.deepEqual(tries.get(0), [0]);
  t.deepEqual(tries.get(4), [0, 1, 2]);
  await settled(async () => (await client.getPersistentSubscriptionToStreamInfo('container-a', 'careful')).stats.parkedMessageCount === 1n);
  await subscription.unsubscribe();
  await restart();
  await answered(() => client.replayParkedMessagesToStream('container-a', 'careful'));
  const again = client.subscribeToPersistentSubscriptionToStream('container-a', 'careful');
  const seen: number[] = [];
  await consume(again, async (given) => {
    seen.push(numberOf(shown(given)));
    await again.ack(given);
  }, () => seen.length === 1);
  t.deepEqual(seen, [4]);
  await settled(async () => (await client.getPersistentSubscriptionToStreamInfo('container-a', 'careful')).stats.parkedMessageCount === 0n);
  await again.unsubscribe();
});

it('a consumer parks and skips, and what it never answers goes to another one', async (t) => {
  const { log, client } = await serve(t);
  await happen(log, 12);
  await client.createPersistentSubscriptionToStream('$ce-container', 'pair', stream({ resolveLinkTos: true, messageTimeout: 300 }));
  const silent = client.subscribeToPersistentSubscriptionToStream('$ce-container', 'pair', { bufferSize: 2 });
  silent.on('error', () => undefined).resume();
  await new Promise<void>((resolve) => silent.once('confirmation', () => resolve()));
  const seen = new Set<number>();
  const subscription = client.subscribeToPersistentSubscriptionToStream('$ce-container', 'pair');
  await consume(subscription, async (given) => {
    const number = numberOf(shown(given));
    seen.add(number);
    if (number === 2) await subscription.nack('park', 'later', given);
    else if (number === 8) await subscription.nack('skip', 'never', given);
    else await subscription.ack(given);
  }, () => seen.size === 6);
  t.deepEqual([...seen].toSorted((a, b) => a - b), [0, 2, 4, 6, 8, 10]);
  await settled(async () => (await client.getPersistentSubscriptionToStreamInfo('$ce-container', 'pair')).stats.parkedMessageCount === 1n);
  await Promise.all([silent.unsubscribe(), subscription.unsubscribe()]);
});

it('two consumers share the work, each fact going to one of them', async (t) => {
  const { log, client } = await serve(t);
  await client.createPersistentSubscriptionToAll('shared', all({ consumerStrategyName: 'RoundRobin' }), { filter: kurrent!.streamNameFilter({ prefixes: ['container-'] }) });
  const seen: number[] = [];
  const consumers = [0, 1].map(() => client.subscribeToPersistentSubscriptionToAll('shared', { bufferSize: 5 }));
  await Promise.all(consumers.map((subscription) => new Promise<void>((resolve) => subscription.once('confirmation', () => resolve()))));
  await happen(log, 200);
  const given = new Set<Consumed>();
  await Promise.race(consumers.map((subscription) => consume(subscription, async (message) => {
    seen.push(numberOf(shown(message)));
    given.add(subscription);
    await subscription.ack(message);
  }, () => seen.length === 100)));
  await settled(async () => (await client.getPersistentSubscriptionToAllInfo('shared')).stats.outstandingMessagesCount === 0);
  await Promise.all(consumers.map((subscription) => subscription.unsubscribe()));
  t.is(given.size, 2);
  t.deepEqual(seen.toSorted((a, b) => a - b), numbers(200).filter((number) => number % 2 === 0));
});

it('groups are listed, changed and deleted, and what does not exist is said so', async (t) => {
  const { client, address } = await serve(t);
  const { PersistentSubscriptionExistsError, PersistentSubscriptionDoesNotExistError, PersistentSubscriptionMaximumSubscribersReachedError } = kurrent!;
  await client.createPersistentSubscriptionToAll('one', all({ maxSubscriberCount: 1 }));
  await client.createPersistentSubscriptionToStream('container-a', 'two', stream({ startFrom: 7n }));
  await t.throwsAsync(client.createPersistentSubscriptionToAll('one', all()), { instanceOf: PersistentSubscriptionExistsError });
  t.deepEqual((await client.listAllPersistentSubscriptions()).map(({ groupName }) => groupName).toSorted(), ['one', 'two']);
  t.is((await client.getPersistentSubscriptionToStreamInfo('container-a', 'two')).settings.startFrom, 7n);
  await client.updatePersistentSubscriptionToStream('container-a', 'two', stream({ maxRetryCount: 77 }));
  t.is((await client.getPersistentSubscriptionToStreamInfo('container-a', 'two')).settings.maxRetryCount, 77);
  const failure = (subscription: Consumed) => new Promise<Error>((resolve) => subscription.on('error', resolve).resume());
  const holder = client.subscribeToPersistentSubscriptionToAll('one');
  const gone = failure(holder);
  await new Promise<void>((resolve) => holder.once('confirmation', () => resolve()));
  t.true((await failure(client.subscribeToPersistentSubscriptionToAll('one'))) instanceof PersistentSubscriptionMaximumSubscribersReachedError);
  await client.deletePersistentSubscriptionToAll('one');
  t.true((await gone) instanceof kurrent!.PersistentSubscriptionDroppedError);
  const other = clientOf(t, address);
  t.true((await failure(other.subscribeToPersistentSubscriptionToAll('one'))) instanceof PersistentSubscriptionDoesNotExistError);
  await t.throwsAsync(other.deletePersistentSubscriptionToStream('container-a', 'nobody'), { instanceOf: PersistentSubscriptionDoesNotExistError });
});

/** Asks until it is so. */
async function settled(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await isSo()); ) {
    if (Date.now() > end) throw new Error('it never became so');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A client whose server went away fails once or twice before it has connected again. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + 60_000; ; ) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
