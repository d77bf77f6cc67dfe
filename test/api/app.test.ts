// app.test.ts: what every request of the Docker API can rely on, whatever it asks for
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { attachTo } from '../../api/docker/app.ts';
import type { Face } from '../../api/docker/face.ts';
import { command, empty, json, query, stream, takeOver, type Row } from '../../api/docker/route.ts';
import { Refused } from '../../actors/refused.ts';
import { emptyRoster } from '../../actors/roster.ts';

const engine = { roster: emptyRoster(), ready: Promise.resolve(), world: { random: { uuid: () => 'made-up' } } };
const face = { engine, version: '0.1.0', report: () => undefined } as unknown as Face;

async function serving(t: ExecutionContext, rows: readonly Row[]): Promise<number> {
  const server = createServer();
  attachTo(server, face, rows);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function ask(port: number, options: RequestOptions, body = ''): Promise<{ response: IncomingMessage; text: string }> {
  const asked = request({ port, host: '127.0.0.1', ...options });
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { response, text };
}

const things = query('GET', '/things/{name*}', ({ params, version }) => json({ ...params, version }));

test('every answer says which API is spoken, and at which position of the log it is true', async (t) => {
  const port = await serving(t, [things]);
  const { response, text } = await ask(port, { path: '/v1.30/things/a%2Fb' });
  t.deepEqual(JSON.parse(text), { name: 'a/b', version: 30 });
  const { server, ostype, 'api-version': api, 'docker-experimental': experimental, 'tally-position': position } = response.headers;
  t.deepEqual([server, ostype, api, experimental, position], ['Tallyd/0.1.0 (linux)', 'linux', '1.51', 'false', '-1']);
});

test('a version that is too old or too new is refused with the sentence that says which one is spoken', async (t) => {
  const port = await serving(t, [things]);
  const young = await ask(port, { path: '/v1.52/things/a' });
  t.is(young.response.statusCode, 400);
  t.deepEqual(JSON.parse(young.text), { message: 'client version 1.52 is too new. Maximum supported API version is 1.51' });
  const old = await ask(port, { path: '/v1.23/things/a' });
  t.deepEqual(JSON.parse(old.text), {
    message: 'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
  });
});

test('a path or a method that does not exist is not found', async (t) => {
  const port = await serving(t, [things]);
  for (const options of [{ path: '/nothing' }, { path: '/things/a', method: 'DELETE' }, { path: '/things/%zz' }]) {
    const { response, text } = await ask(port, options);
    t.is(response.statusCode, 404);
    t.is(response.headers['content-type'], 'application/json');
    t.deepEqual(JSON.parse(text), { message: 'page not found' });
  }
});

test('an operation newer than the version that is spoken is not found', async (t) => {
  const port = await serving(t, [query('GET', '/new', () => empty(), { since: 44 })]);
  t.is((await ask(port, { path: '/v1.43/new' })).response.statusCode, 404);
  t.is((await ask(port, { path: '/v1.44/new' })).response.statusCode, 204);
});

test('a body that is no JSON is refused with a sentence', async (t) => {
  const port = await serving(t, [command('POST', '/echo', async (call) => json(await call.json()))]);
  const post = (body: string, type: string | null) =>
    ask(port, { path: '/echo', method: 'POST', headers: { ...(type === null ? {} : { 'content-type': type }), 'content-length': body.length } }, body);
  t.is((await post('{"a":1}', 'application/json; charset=utf-8')).text, '{"a":1}\n');
  t.is((await post('', null)).text, 'null\n');
  const broken = await post('{', 'application/json');
  t.is(broken.response.statusCode, 400);
  t.regex(broken.text, /invalid JSON/);
  t.regex((await post('{}', 'text/plain')).text, /unsupported Content-Type header \(text\/plain\): must be 'application\/json'/);
  t.regex((await post('{}', null)).text, /malformed Content-Type header/);
});

test('a defect within is answered 500 and does not end the daemon', async (t) => {
  const row = query('GET', '/defect', () => {
    throw new TypeError('nobody thought of this');
  });
  const port = await serving(t, [row, things]);
  t.is((await ask(port, { path: '/defect' })).response.statusCode, 500);
  t.is((await ask(port, { path: '/things/a' })).response.statusCode, 200);
});

test('what is not modified is answered without a body', async (t) => {
  const row = command('POST', '/started', () => {
    throw new Refused('notModified', 'already started');
  });
  const { response, text } = await ask(await serving(t, [row]), { path: '/started', method: 'POST' });
  t.deepEqual([response.statusCode, text], [304, '']);
});

test('a stream begins before its first line, and ends its work when the client is gone', async (t) => {
  let ended = false;
  const row = query('GET', '/lines', ({ signal }) =>
    stream('application/json', (async function* () {
      try {
        yield '1\n';
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      } finally {
        ended = true;
      }
    })()));
  const port = await serving(t, [row]);
  const asked = request({ port, host: '127.0.0.1', path: '/lines' });
  asked.on('error', () => undefined);
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  const [line] = (await once(response, 'data')) as [Buffer];
  t.is(String(line), '1\n');
  response.destroy();
  for (let turn = 0; turn < 3000 && !ended; turn++) await new Promise((resolve) => setTimeout(resolve, 10));
  t.true(ended);
});

const echo = command('POST', '/echo/{id}', async ({ params, json: body }) => {
  if (params.id === 'none') throw new Refused('notFound', 'No such container: none');
  const given = await body();
  return takeOver('application/vnd.docker.raw-stream', (connection) => {
    connection.write(`${JSON.stringify(given)}|`);
    connection.pipe(connection);
  });
});

/** What follows the request is sent when it was answered, as Docker's clients do. */
async function talk(port: number, head: string, ...rest: string[]): Promise<string> {
  const client = connect(port, '127.0.0.1');
  let text = '';
  client.on('data', (chunk) => (text += String(chunk)));
  client.write(head);
  if (rest.length > 0) await once(client, 'data');
  for (const each of rest) client.write(each);
  client.end();
  await once(client, 'close');
  return text;
}

test('a client may turn its request into a raw connection, with or without asking for an upgrade', async (t) => {
  const port = await serving(t, [echo]);
  const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
  const upgraded = await talk(port, `POST /v1.40/echo/a HTTP/1.1\r\nHost: d\r\n${upgrade}\r\n`, 'hello ', 'there');
  t.is(upgraded, 'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nnull|hello there');
  const plain = await talk(port, 'POST /echo/a HTTP/1.1\r\nHost: d\r\n\r\n', 'hello ', 'there');
  t.is(plain, 'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nnull|hello there');
});

test('a raw connection may begin with a body in JSON and what follows it in the same packet', async (t) => {
  const port = await serving(t, [echo]);
  const body = 'Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}';
  t.regex(await talk(port, `POST /echo/a HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${body}`, 'later'), /\{"a":1\}\|later$/);
  t.regex(await talk(port, `POST /echo/a HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${body}at once`), /\{"a":1\}\|at once$/);
  t.regex(await talk(port, `POST /echo/a HTTP/1.1\r\nHost: d\r\n${body}`, 'later'), /\{"a":1\}\|later$/);
});

test('an upgrade that is refused is answered like any other request', async (t) => {
  const port = await serving(t, [echo]);
  const text = await talk(port, 'POST /echo/none HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
  t.regex(text, /^HTTP\/1.1 404 Not Found\r\n/);
  t.regex(text, /\{"message":"No such container: none"\}\n$/);
});

test('a request that asks for an upgrade which is not needed is answered as usual', async (t) => {
  const port = await serving(t, [things]);
  const text = await talk(port, 'GET /things/a HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  t.regex(text, /^HTTP\/1.1 200 OK\r\n/);
});
