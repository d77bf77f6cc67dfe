// container-streams.test.ts: logs, attach and exec: what goes over a connection, and when it ends
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { api, type Api } from './_api.ts';
import { addImage, create, factWhere, factsOf, run } from './_containers.ts';
import { detachKeys, watchKeys } from '../../api/docker/streams/detach-keys.ts';
import { writtenLines } from '../../api/docker/logs.ts';

/** A client that speaks over the socket itself, as Docker's does once its connection is handed over. */
async function raw(t: ExecutionContext, { socketPath }: Api, text: string): Promise<{ socket: Socket; head: () => Promise<string>; rest: () => Promise<Buffer> }> {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  await once(socket, 'connect');
  t.teardown(() => socket.destroy());
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  socket.write(text);
  const headEnd = () => received.indexOf('\r\n\r\n');
  return {
    socket,
    head: async () => {
      while (headEnd() < 0) await once(socket, 'data');
      return received.subarray(0, headEnd()).toString();
    },
    rest: async () => {
      if (!socket.readableEnded) await once(socket, 'end');
      return received.subarray(headEnd() + 4);
    },
  };
}

const upgrading = (path: string, body = '') =>
  `POST ${path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const plain = (path: string, body = '') => `POST ${path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const frame = (source: number, text: string) => Buffer.concat([Buffer.from([source, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);

test('logs are framed without a terminal and raw with one', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await run(docker, 'plain', { Cmd: ['echo', 'hello'] });
  await run(docker, 'tty', { Cmd: ['echo', 'hello'], Tty: true });
  await docker.world.machine.clock.advance(1_000_000_000n);
  const framed = await docker.ask('GET', '/containers/plain/logs?stdout=1&stderr=1');
  t.is(framed.headers['content-type'], 'application/vnd.docker.multiplexed-stream');
  t.is(framed.text, frame(1, 'hello\n').toString());
  t.is((await docker.ask('GET', '/v1.41/containers/plain/logs?stdout=1')).headers['content-type'], 'application/vnd.docker.raw-stream');
  t.is((await docker.ask('GET', '/containers/tty/logs?stdout=1')).text, 'hello\n');
  const dated = await docker.ask('GET', '/containers/tty/logs?stdout=1&timestamps=1');
  t.regex(dated.text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z hello\n$/);
  t.is((await docker.ask('GET', '/containers/tty/logs?stderr=1')).text, '');
  t.is((await docker.ask('GET', '/containers/tty/logs?stdout=1&tail=0')).text, '');
});

test('logs that cannot be had are refused before the answer begins', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await create(docker, 'mute', { HostConfig: { LogConfig: { Type: 'none' } } });
  t.is((await docker.ask('GET', '/v1.51/containers/mute/logs')).status, 400);
  const none = await docker.ask('GET', '/v1.41/containers/mute/logs?stdout=1');
  t.deepEqual([none.status, none.value.message], [501, 'configured logging driver does not support reading']);
  t.is((await docker.ask('GET', '/v1.41/containers/nope/logs?stdout=1')).status, 404);
  await create(docker, 'web');
  t.is((await docker.ask('GET', '/v1.41/containers/web/logs?stdout=1&since=whenever')).status, 400);
});

test('a log line carries its attributes and its time in front when they are asked for', (t) => {
  const line = { stream: 'stderr', time: '2026-11-25T10:00:00.5Z', line: Buffer.from('oh\n'), attributes: { b: 'x y', a: '1' } } as const;
  const text = writtenLines([line], { tty: false, timestamps: true, details: true });
  t.is(text[0], 2);
  t.is(text.subarray(8).toString(), '2026-11-25T10:00:00.500000000Z a=1,b=x+y oh\n');
});

test('a client that attaches before the start gets everything, and its connection ends with the container', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  for (const [name, ask, status] of [['upgraded', upgrading, 'HTTP/1.1 101 UPGRADED'], ['hijacked', plain, 'HTTP/1.1 200 OK']] as const) {
    const id = await create(docker, name, { Cmd: ['sh', '-c', 'echo hello; sleep 1'] });
    const client = await raw(t, docker, ask(`/v1.51/containers/${name}/attach?stream=1&stdout=1&stderr=1`));
    t.is((await client.head()).split('\r\n')[0], status);
    await docker.ask('POST', `/containers/${name}/start`);
    await docker.world.machine.clock.advance(2_000_000_000n);
    t.deepEqual(await client.rest(), frame(1, 'hello\n'));
    t.true((await factsOf(docker.engine, id)).includes('attached'));
  }
});

test('an attach begins with the log when that is asked for', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await run(docker, 'web', { Cmd: ['echo', 'hello'] });
  await docker.world.machine.clock.advance(1_000_000_000n);
  const client = await raw(t, docker, upgrading('/v1.51/containers/web/attach?logs=1&stdout=1'));
  t.deepEqual(await client.rest(), frame(1, 'hello\n'));
});

test('an attach to a container that is not there, or paused, is an answer like any other', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await run(docker, 'web');
  await docker.ask('POST', '/containers/web/pause');
  t.is((await docker.ask('POST', '/containers/nope/attach?stream=1')).status, 404);
  const paused = await docker.ask('POST', '/v1.41/containers/web/attach?stream=1');
  t.deepEqual([paused.status, paused.value.message], [409, 'container web is paused, unpause the container before attach']);
  t.is((await docker.ask('POST', '/v1.51/containers/web/attach?stream=1&detachKeys=ctrl-')).status, 400);
});

const execBody = (body: object) => ({ Cmd: ['echo', 'hi'], AttachStdout: true, AttachStderr: true, ...body });

test('an exec runs, its output comes over the connection, and its exit can be asked for at once', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const container = await run(docker, 'web');
  const { value } = await docker.ask('POST', '/containers/web/exec', execBody({ Cmd: ['sh', '-c', 'echo hi; exit 3'], User: 'nobody' }));
  const before = await docker.ask('GET', `/exec/${value.Id}/json`);
  t.like(before.value, { Running: false, ExitCode: null, ContainerID: container, ProcessConfig: { entrypoint: 'sh', arguments: ['-c', 'echo hi; exit 3'], user: 'nobody' } });
  const client = await raw(t, docker, upgrading(`/v1.51/exec/${value.Id}/start`, '{"Detach":false,"Tty":false}'));
  t.regex(await client.head(), /101 UPGRADED\r\nContent-Type: application\/vnd\.docker\.multiplexed-stream/);
  await factWhere(docker.engine, ({ type }) => type === 'exec.started');
  await docker.world.machine.clock.advance(1_000_000_000n);
  t.deepEqual(await client.rest(), frame(1, 'hi\n'));
  t.like((await docker.ask('GET', `/exec/${value.Id}/json`)).value, { Running: false, ExitCode: 3 });
});

test('an exec that cannot run says so in its stream, and one that nobody waits for in the answer', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await run(docker, 'web');
  const attached = await docker.ask('POST', '/containers/web/exec', execBody({ Cmd: ['not-there'] }));
  const client = await raw(t, docker, plain(`/v1.51/exec/${attached.value.Id}/start`, '{}'));
  t.regex((await client.rest()).subarray(8).toString(), /executable file not found in \$PATH.*\r\n$/);
  t.like((await docker.ask('GET', `/exec/${attached.value.Id}/json`)).value, { ExitCode: 127 });
  const detached = await docker.ask('POST', '/containers/web/exec', { Cmd: ['not-there'] });
  t.is((await docker.ask('POST', `/exec/${detached.value.Id}/start`, { Detach: true })).status, 400);
  const good = await docker.ask('POST', '/containers/web/exec', execBody({ Cmd: ['top'] }));
  t.is((await docker.ask('POST', `/exec/${good.value.Id}/start`, { Detach: true })).status, 200);
  t.is((await docker.ask('POST', `/exec/${good.value.Id}/resize?h=24&w=80`)).status, 200);
});

test('execs need a running container', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await create(docker, 'rest');
  await run(docker, 'web');
  await docker.ask('POST', '/containers/web/pause');
  t.is((await docker.ask('POST', '/containers/rest/exec', execBody({}))).status, 409);
  t.regex((await docker.ask('POST', '/containers/web/exec', execBody({}))).value.message, /is paused, unpause the container before exec$/);
  t.is((await docker.ask('POST', '/containers/nope/exec', execBody({}))).status, 404);
  t.is((await docker.ask('POST', '/containers/rest/exec', {})).value.message, 'No exec command specified');
  t.deepEqual((await docker.ask('GET', '/exec/nope/json')).value, { message: 'No such exec instance: nope' });
});

test('the keys to detach are withheld, and what only looked like them is passed on', async (t) => {
  const typed = async (pieces: readonly string[], keys: string) => {
    let left = false;
    const watch = watchKeys(detachKeys(keys), () => (left = true));
    const passed: Buffer[] = [];
    watch.on('data', (chunk: Buffer) => passed.push(chunk));
    for (const piece of pieces) watch.write(Buffer.from(piece, 'latin1'));
    watch.end();
    await once(watch, 'end');
    return { left, passed: Buffer.concat(passed).toString('latin1') };
  };
  t.deepEqual(await typed(['ls\n', '\x10', '\x11', 'more'], ''), { left: true, passed: 'ls\n' });
  t.deepEqual(await typed(['a\x10b'], ''), { left: false, passed: 'a\x10b' });
  t.deepEqual(await typed(['\x10\x10\x11'], ''), { left: true, passed: '\x10' });
  t.deepEqual(await typed(['\x10'], ''), { left: false, passed: '\x10' });
  t.deepEqual(await typed(['xab'], 'a,b'), { left: true, passed: 'x' });
  t.throws(() => detachKeys('ctrl-'), { message: 'Invalid detach keys (ctrl-) provided' });
});
