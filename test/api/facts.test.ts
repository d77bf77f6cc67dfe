// facts.test.ts: GET /facts: the log itself as server-sent events, and the schema of every fact
import type { IncomingMessage } from 'node:http';
import test from 'ava';
import { rows } from '../../events/index.ts';
import { api, type Api } from './_api.ts';

interface Sent {
  readonly id: number;
  readonly event: string;
  readonly data: { readonly type: string; readonly stream: string; readonly time: string; readonly specversion?: string; readonly subject?: string };
}

/** Reads until so many facts have come, then goes away. */
async function read(given: Api, path: string, count: number, headers: Record<string, string> = {}): Promise<Sent[]> {
  const { request, response } = await given.open('GET', path, undefined, headers);
  const sent = await firstOf(response, count);
  request.destroy();
  return sent;
}

async function firstOf(response: IncomingMessage, count: number): Promise<Sent[]> {
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
    const sent = sentOf(text);
    if (sent.length >= count) return sent.slice(0, count);
  }
  return sentOf(text);
}

const sentOf = (text: string): Sent[] =>
  text
    .split('\n\n')
    .slice(0, -1)
    .filter((block) => !block.startsWith(':'))
    .map((block) => {
      const field = (name: string) => block.split('\n').find((line) => line.startsWith(`${name}: `))!.slice(name.length + 2);
      return { id: Number(field('id')), event: field('event'), data: JSON.parse(field('data')) as Sent['data'] };
    });

async function withContainer(given: Api): Promise<string> {
  await given.ask('POST', '/images/create?fromImage=busybox&tag=latest');
  return (await given.ask('POST', '/containers/create?name=web', { Image: 'busybox', Cmd: ['top'] })).value.Id as string;
}

test('a reader gets the whole history, each fact with its position, and then the present', async (t) => {
  const given = await api(t);
  const id = await withContainer(given);
  const head = given.engine.log.head();
  const { request, response } = await given.open('GET', '/facts');
  t.is(response.headers['content-type'], 'text/event-stream');
  const reading = firstOf(response, head + 2);
  await given.ask('POST', `/containers/${id}/rename?name=www`);
  const sent = await reading;
  request.destroy();
  t.deepEqual(sent.map(({ id: position }) => position), Array.from({ length: head + 2 }, (_, position) => position));
  t.is(sent.at(-1)?.event, 'container.renamed');
  t.is(sent.at(-1)?.data.stream, `container-${id}`);
  t.regex(sent.at(-1)?.data.time ?? '', /^\d{19}$/);
});

test('a reader that comes again goes on behind the last fact that it saw', async (t) => {
  const given = await api(t);
  await withContainer(given);
  const first = await read(given, '/facts', 3);
  const next = await read(given, '/facts', 2, { 'Last-Event-ID': String(first.at(-1)!.id) });
  t.deepEqual(next.map(({ id }) => id), [3, 4]);
  t.deepEqual((await read(given, '/facts?from=2', 1)).map(({ id }) => id), [2]);
});

test('facts are chosen by kind, type and stream', async (t) => {
  const given = await api(t);
  const id = await withContainer(given);
  t.deepEqual((await read(given, '/facts?kind=container', 2)).map(({ event }) => event), ['container.createRequested', 'container.created']);
  t.deepEqual((await read(given, '/facts?type=image.pulled,container.created', 2)).map(({ event }) => event), ['image.pulled', 'container.created']);
  t.true((await read(given, `/facts?stream=container-${id}`, 2)).every(({ data }) => data.stream === `container-${id}`));
});

test('facts are told as CloudEvents to whoever asks for that', async (t) => {
  const given = await api(t);
  const id = await withContainer(given);
  const [sent] = await read(given, '/facts?kind=container&format=cloudevents', 1);
  t.like(sent?.data, { specversion: '1.0', type: 'tallyd.container.createRequested', subject: `container-${id}` });
});

test('what cannot be asked for is refused with a sentence', async (t) => {
  const given = await api(t);
  for (const path of ['/facts?kind=pod', '/facts?format=xml', '/facts?from=yesterday']) {
    const { status, value } = await given.ask('GET', path);
    t.is(status, 400, path);
    t.true(value.message.length > 10, path);
  }
  t.is((await given.ask('GET', '/facts', undefined, { 'Last-Event-ID': 'x' })).status, 400);
});

test('every fact has its schema', async (t) => {
  const given = await api(t);
  const { status, value } = await given.ask('GET', '/facts/schema');
  t.is(status, 200);
  t.deepEqual(Object.keys(value.$defs), [...rows.keys()]);
  t.is(value.$defs['container.exited'].properties.data.properties.exitCode.type, 'integer');
});
