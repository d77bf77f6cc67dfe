// events.test.ts: what a reader of `docker events` sees: all of history, then the present
import type { IncomingMessage } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { api, lines, type Api } from './_api.ts';
import { deviations } from './_schema.ts';

const second = 1_000_000_000n;

async function withImage(t: ExecutionContext): Promise<Api> {
  const given = await api(t);
  await given.ask('POST', '/images/create?fromImage=busybox&tag=latest');
  return given;
}

async function create({ ask }: Api, name: string, body: object = {}): Promise<string> {
  return (await ask('POST', `/containers/create?name=${name}`, { Image: 'busybox', Cmd: ['top'], ...body })).value.Id as string;
}

/** Reads until so many lines have come. */
async function read(response: IncomingMessage, count: number): Promise<any[]> { // eslint-disable-line typescript/no-explicit-any
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
    if (text.split('\n').length > count) break;
  }
  return lines(text);
}

const until = (given: Api) => `until=position:${given.engine.roster.position}`;
const told = (events: { Type: string; Action: string }[]) => events.map(({ Type, Action }) => `${Type} ${Action}`);

test('a container\'s life is told in the order in which it was lived, with its labels, image and name', async (t) => {
  const given = await withImage(t);
  const id = await create(given, 'web', { Labels: { tier: 'front' } });
  await given.ask('POST', `/containers/${id}/start`);
  await given.ask('POST', `/containers/${id}/kill?signal=KILL`);
  await given.ask('POST', `/containers/${id}/wait`);
  await given.ask('DELETE', `/containers/${id}`);
  const { text } = await given.ask('GET', `/events?since=0&${until(given)}&filters=${encodeURIComponent('{"type":["container"]}')}`);
  const events = lines(text);
  t.deepEqual(told(events), ['container create', 'container start', 'container kill', 'container die', 'container destroy']);
  for (const event of events) {
    t.like(event, { id, status: event.Action, from: 'busybox', scope: 'local', Actor: { ID: id, Attributes: { name: 'web', image: 'busybox', tier: 'front' } } });
    t.deepEqual(deviations('GET', '/events', 200, event), []);
  }
  t.is(events[2].Actor.Attributes.signal, '9');
  t.is(events[3].Actor.Attributes.exitCode, '137');
});

test('an event tells its time in nanoseconds, to the last digit', async (t) => {
  const given = await withImage(t);
  const { text } = await given.ask('GET', `/events?since=0&${until(given)}`);
  const [, nanos = ''] = /"timeNano":(\d+)}/.exec(text) ?? [];
  t.regex(nanos, /^\d{19}$/);
  t.is(String(lines(text)[0].time), nanos.slice(0, 10));
});

test('an image is told by reference when it is pulled, and by its id in all else', async (t) => {
  const given = await withImage(t);
  await given.ask('POST', '/images/busybox/tag?repo=mine&tag=1');
  const { text } = await given.ask('GET', `/events?since=0&${until(given)}&filters=${encodeURIComponent('{"type":{"image":true}}')}`);
  const [pull, tag] = lines(text);
  t.like(pull, { Action: 'pull', Actor: { ID: 'busybox:latest', Attributes: { name: 'busybox' } } });
  t.like(tag, { Action: 'tag', Actor: { Attributes: { name: 'mine:1' } } });
  t.regex(tag.Actor.ID, /^sha256:[0-9a-f]{64}$/);
});

test('a reader that begins now is told nothing of the past', async (t) => {
  const given = await withImage(t);
  const { request, response } = await given.open('GET', '/events');
  await create(given, 'later');
  const [event] = await read(response, 1);
  t.like(event, { Type: 'container', Action: 'create', Actor: { Attributes: { name: 'later' } } });
  request.destroy();
});

test('a reader that begins after a container was made still learns its name and labels', async (t) => {
  const given = await withImage(t);
  const id = await create(given, 'early', { Labels: { a: 'b' } });
  await given.ask('POST', `/containers/${id}/rename?name=renamed`);
  const { request, response } = await given.open('GET', `/events?filters=${encodeURIComponent('{"event":["start"]}')}`);
  await given.ask('POST', `/containers/${id}/start`);
  const [event] = await read(response, 1);
  t.like(event, { Action: 'start', Actor: { Attributes: { name: 'renamed', a: 'b', image: 'busybox' } } });
  request.destroy();
});

test('history goes over into the present with no gap and no duplicate', async (t) => {
  const given = await withImage(t);
  const names = Array.from({ length: 30 }, (_, index) => `c${index}`);
  const filters = encodeURIComponent('{"event":["create"],"type":["container"]}');
  const readers = [];
  for (const name of names) {
    await create(given, name);
    readers.push(await given.open('GET', `/events?since=1&filters=${filters}`));
  }
  for (const { request, response } of readers) {
    const events = await read(response, names.length);
    t.deepEqual(events.map((event) => event.Actor.Attributes.name), names);
    request.destroy();
  }
});

test('a list says at which position it is true, and events go on from there', async (t) => {
  const given = await withImage(t);
  await create(given, 'listed');
  const list = await given.ask('GET', '/containers/json?all=1');
  await create(given, 'next');
  const { text } = await given.ask('GET', `/events?since=position:${list.headers['tally-position']}&${until(given)}&filters=${encodeURIComponent('{"event":["create"]}')}`);
  t.deepEqual(lines(text).map((event) => event.Actor.Attributes.name), ['next']);
});

test('an end in the future ends the stream when it comes, with all that happened by then', async (t) => {
  const given = await withImage(t);
  const { clock } = given.world.machine;
  const end = clock.now() / second + 5n;
  const { response } = await given.open('GET', `/events?until=${end}&since=${clock.now() / second + 1n}`);
  await clock.advance(2n * second);
  await create(given, 'within');
  await clock.advance(4n * second);
  await create(given, 'after');
  const events = await read(response, 1000);
  t.deepEqual(events.filter(({ Type }) => Type === 'container').map((event) => event.Actor.Attributes.name), ['within']);
});

test('an end that is past ends the stream at once', async (t) => {
  const given = await withImage(t);
  const { clock } = given.world.machine;
  await create(given, 'old');
  await clock.advance(10n * second);
  await create(given, 'new');
  await clock.advance(second);
  const { text } = await given.ask('GET', `/events?since=0&until=5s&filters=${encodeURIComponent('{"event":["create"],"type":["container"]}')}`);
  t.deepEqual(lines(text).map((event) => event.Actor.Attributes.name), ['old']);
});

test('a beginning after the end is refused', async (t) => {
  const { ask } = await api(t);
  const { status, value } = await ask('GET', '/events?since=20&until=10');
  t.is(status, 400);
  t.is(value.message, '`since` time (20) cannot be after `until` time (10)');
  t.is((await ask('GET', '/events?since=whenever')).status, 400);
});

test('a client that never reads costs the others nothing and is told everything when it reads again', async (t) => {
  const given = await withImage(t);
  const { request, response } = await given.open('GET', `/events?since=0&filters=${encodeURIComponent('{"event":["rename"]}')}`);
  const id = await create(given, 'n0', { Labels: { long: 'x'.repeat(60_000) } });
  const renames = 60;
  for (let turn = 1; turn <= renames; turn++) await given.ask('POST', `/containers/${id}/rename?name=n${turn}`);
  const events = await read(response, renames);
  t.deepEqual(events.map((event) => event.Actor.Attributes.name), Array.from({ length: renames }, (_, index) => `n${index + 1}`));
  request.destroy();
});

test('an exec and a network are told with what they are about', async (t) => {
  const given = await withImage(t);
  const { Id: network } = (await given.ask('POST', '/networks/create', { Name: 'backend' })).value;
  await given.ask('DELETE', '/networks/backend');
  const { text } = await given.ask('GET', `/events?since=0&${until(given)}&filters=${encodeURIComponent(JSON.stringify({ network: [network] }))}`);
  t.deepEqual(told(lines(text)), ['network create', 'network destroy']);
  t.like(lines(text)[0], { Actor: { ID: network, Attributes: { name: 'backend', type: 'bridge' } } });
  t.false('status' in lines(text)[0]);
});

test('the past can be looked at: lists and inspections as they were', async (t) => {
  const given = await withImage(t);
  const id = await create(given, 'first');
  const { headers } = await given.ask('GET', '/containers/json?all=1');
  const time = given.world.clock.now();
  await given.world.machine.clock.advance(second);
  await given.ask('POST', `/containers/${id}/rename?name=second`);
  const names = async (query: string) => (await given.ask('GET', `/containers/json?all=1${query}`)).value.map((each: { Names: string[] }) => each.Names[0]);
  t.deepEqual(await names(''), ['/second']);
  t.deepEqual(await names(`&at=${headers['tally-position']}`), ['/first']);
  t.deepEqual(await names(`&at=${time / second}.9`), ['/first']);
  t.is((await given.ask('GET', `/containers/${id}/json?at=position:${headers['tally-position']}`)).value.Name, '/first');
  t.deepEqual(await names('&at=0'), []);
});
