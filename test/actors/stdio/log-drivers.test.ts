// log-drivers.test.ts: lines that go to log servers, and can be read here all the same
import test, { type ExecutionContext } from 'ava';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { journald } from '../../../actors/stdio/drivers/journald.ts';
import { exited, newId, readAll, run, sharedHouse, shim, specWith, textOf, until } from './_streams.ts';

const house = sharedHouse();

/** A server that keeps all that it is sent. */
async function tcpServer(t: ExecutionContext): Promise<{ port: number; bytes: () => Buffer; sockets: Socket[] }> {
  const chunks: Buffer[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk)).on('error', () => undefined);
  });
  t.teardown(() => (sockets.forEach((socket) => socket.destroy()), void server.close()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as { port: number }).port, bytes: () => Buffer.concat(chunks), sockets };
}

async function udpServer(t: ExecutionContext): Promise<{ port: number; messages: Buffer[] }> {
  const messages: Buffer[] = [];
  const server = createSocket('udp4', (message) => void messages.push(message));
  t.teardown(() => void server.close());
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port, messages };
}

/** Receives datagrams on a unix socket into a file: Node cannot, perl-base can. */
const receiver = `use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0); bind($s, pack_sockaddr_un($ARGV[0])) or die; $| = 1; print "ready\\n";
  open(my $f, ">", $ARGV[1]); select($f); $| = 1; while (defined recv($s, my $m, 65536, 0)) { print $m, "\\0\\n" }`;
const hasPerl = spawnSync('perl', ['-MSocket', '-e', '1']).status === 0;
const withPerl = hasPerl ? test : test.skip;

async function unixServer(t: ExecutionContext): Promise<{ path: string; text: () => string; server: ChildProcess }> {
  const folder = mkdtempSync(join(tmpdir(), 'tally-syslog-'));
  const [path, file] = [join(folder, 'socket'), join(folder, 'received')];
  const server = spawn('perl', ['-e', receiver, path, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => (server.kill('SIGKILL'), rmSync(folder, { recursive: true, force: true })));
  await once(server.stdout!, 'data');
  return { path, text: () => (existsSync(file) ? readFileSync(file, 'utf8') : ''), server };
}

test('syslog by TCP gets a line for each, with facility, severity, host and tag', async (t) => {
  const dock = await house();
  const server = await tcpServer(t);
  const options = { 'syslog-address': `tcp://127.0.0.1:${server.port}`, 'syslog-facility': 'local0', 'syslog-format': 'rfc5424micro', tag: '{{.Name}}' };
  const [id, spec] = [newId(), specWith({}, options, 'syslog')];
  await run(t, dock, id, spec, 'echo out >&3; echo >&3; echo err >&4');
  await until(() => server.bytes().toString().split('\n').length === 3);
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(?:Z|[+-]\d\d:\d\d)`;
  const lines = server.bytes().toString().split('\n').sort();
  t.regex(lines[1]!, new RegExp(`^<131>1 ${time} dock web \\d+ web - err$`));
  t.regex(lines[2]!, new RegExp(`^<134>1 ${time} dock web \\d+ web - out$`));
});

test('what goes to a log server can be read here as well, unless that was not wanted', async (t) => {
  const dock = await house();
  const server = await udpServer(t);
  const options = { 'syslog-address': `udp://127.0.0.1:${server.port}` };
  const [id, spec] = [newId(), specWith({}, options, 'syslog')];
  await run(t, dock, id, spec, 'seq 1 10 >&3');
  t.is((await readAll(dock.stdio, id, spec)).length, 10);
  await until(() => server.messages.length === 10);
  t.regex(server.messages[0]!.toString(), new RegExp(`^<30>[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d ${id.slice(0, 12)}\\[\\d+\\]: 1\n$`));
  const off = specWith({}, { ...options, 'cache-disabled': 'true' }, 'syslog');
  await run(t, dock, newId(), off, 'echo hi >&3');
  await t.throwsAsync(readAll(dock.stdio, newId(), off), { message: /does not support reading/ });
});

withPerl('syslog by a unix socket of datagrams, as the machine’s own', async (t) => {
  const dock = await house();
  const server = await unixServer(t);
  const spec = specWith({}, { 'syslog-address': `unixgram://${server.path}`, 'syslog-format': 'rfc3164' }, 'syslog');
  await run(t, dock, newId(), spec, 'echo one >&3; echo two >&3');
  await until(() => server.text().includes('two'));
  t.regex(server.text(), /^<30>\w{3} [ \d]\d \d\d:\d\d:\d\d dock \w{12}\[\d+\]: one\n\0\n<30>/);
});

withPerl('the journal gets the container’s fields beside each message', async (t) => {
  const server = await unixServer(t);
  const id = newId();
  const settings = {
    driver: 'journald', tag: 'the tag', options: {}, attributes: { 'app.team': 'a\nb', _x: '1' }, bufferBytes: 1000, lossy: false,
    container: { id, name: 'web', imageId: 'sha256:1', imageName: 'busybox', command: 'true', hostname: 'dock' },
  } as const;
  const { encode, outlet } = await journald(settings, { bufferBytes: 1000, lossy: false, onRelief: () => undefined }, server.path);
  const bytes = Buffer.from('hello\n');
  outlet.send(encode({ source: 'stderr', bytes, start: 0, end: 5, ended: true, seconds: 1, nanos: 2, part: { id: 'p', ordinal: 1, last: false } }));
  await until(() => server.text().endsWith('\0\n'));
  await outlet.close();
  const fields = [
    'PRIORITY=3', 'SYSLOG_TIMESTAMP=1970-01-01T00:00:01.000000002Z', `CONTAINER_ID=${id.slice(0, 12)}`, `CONTAINER_ID_FULL=${id}`,
    'CONTAINER_NAME=web', 'CONTAINER_TAG=the tag', 'IMAGE_NAME=busybox', 'SYSLOG_IDENTIFIER=the tag', 'APP_TEAM', '\u0003\0\0\0\0\0\0\0a', 'b', 'X=1',
    'CONTAINER_PARTIAL_MESSAGE=true', 'CONTAINER_PARTIAL_ID=p', 'CONTAINER_PARTIAL_ORDINAL=1', 'CONTAINER_PARTIAL_LAST=false', 'MESSAGE=hello',
  ];
  t.is(server.text(), `${fields.join('\n')}\n\0\n`);
});

/** The few kinds of MessagePack that are sent. */
function unpacked(bytes: Buffer): unknown[] {
  let at = 0;
  const value = (): unknown => {
    const kind = bytes[at++]!;
    if (kind === 0x93) return [value(), value(), value()];
    if (kind === 0xd3) return Number(bytes.readBigInt64BE((at += 8) - 8));
    if (kind === 0xd7) return { seconds: bytes.readUInt32BE((at += 9) - 8), nanos: bytes.readUInt32BE(at - 4) };
    if (kind === 0xde) return Object.fromEntries(Array.from({ length: bytes.readUInt16BE((at += 2) - 2) }, () => [value(), value()]));
    const length = kind === 0xda ? bytes.readUInt16BE((at += 2) - 2) : kind & 31;
    return bytes.toString('utf8', at, (at += length));
  };
  const values: unknown[] = [];
  while (at < bytes.length) values.push(value());
  return values;
}

test('fluentd gets a record for each line, long lines in parts', async (t) => {
  const dock = await house();
  const server = await tcpServer(t);
  const options = { 'fluentd-address': `127.0.0.1:${server.port}`, labels: 'team', tag: 'docker.{{.Name}}', 'fluentd-sub-second-precision': 'true' };
  const [id, spec] = [newId(), specWith({ Labels: { team: 'a' } }, options, 'fluentd')];
  await run(t, dock, id, spec, 'echo hi >&3; head -c 20000 /dev/zero | tr "\\0" x >&4; echo >&4');
  await until(() => server.bytes().includes('partial_last\xa4true') || server.bytes().includes(Buffer.from('\xacpartial_last\xa4true', 'latin1')));
  const events = unpacked(server.bytes()) as [string, { seconds: number }, Record<string, string>][];
  const out = events.find(([, , record]) => record['source'] === 'stdout')!;
  t.is(out[0], 'docker.web');
  t.true(Math.abs(out[1].seconds * 1000 - Date.now()) < 600_000);
  t.deepEqual(out[2], { container_id: id, container_name: '/web', source: 'stdout', log: 'hi', team: 'a' });
  const parts = events.filter(([, , record]) => record['partial_message'] === 'true').map(([, , record]) => record);
  t.deepEqual(parts.map(({ log, partial_ordinal, partial_last }) => [log!.length, partial_ordinal, partial_last]), [[16384, '1', 'false'], [3616, '2', 'true']]);
});

test('a container does not start when its log server is not there, and says why', async (t) => {
  const dock = await house();
  const nobody = specWith({}, { 'fluentd-address': '127.0.0.1:1' }, 'fluentd');
  const error = await t.throwsAsync(dock.stdio.open(newId(), 'web', nobody));
  t.regex(error!.message, /failed to initialize logging driver: .*ECONNREFUSED/);
  const later = specWith({}, { 'fluentd-address': '127.0.0.1:1', 'fluentd-async': 'true' }, 'fluentd');
  await run(t, dock, newId(), later, 'echo hi >&3');
  t.pass();
});

test('gelf gets compressed JSON by UDP', async (t) => {
  const dock = await house();
  const server = await udpServer(t);
  const spec = specWith({ Env: ['MODE=fast'], Cmd: ['sh', '-c'] }, { 'gelf-address': `udp://127.0.0.1:${server.port}`, env: 'MODE' }, 'gelf');
  const id = newId();
  await run(t, dock, id, spec, 'echo hi >&3');
  await until(() => server.messages.length === 1);
  const hi = JSON.parse(gunzipSync(server.messages[0]!).toString()) as Record<string, unknown>;
  t.true(typeof hi['timestamp'] === 'number');
  delete hi['timestamp'];
  t.deepEqual(hi, {
    version: '1.1', host: 'dock', short_message: 'hi', level: 6, _command: 'sh -c', _container_id: id, _container_name: 'web',
    _image_id: spec.image.id, _image_name: 'busybox', _tag: id.slice(0, 12), _MODE: 'fast',
  });
});

test('gelf cuts what is too long for a datagram into chunks', async (t) => {
  const dock = await house();
  const server = await udpServer(t);
  const spec = specWith({}, { 'gelf-address': `udp://127.0.0.1:${server.port}`, 'gelf-compression-type': 'none' }, 'gelf');
  await run(t, dock, newId(), spec, 'head -c 5000 /dev/zero | tr "\\0" x >&3; echo >&3');
  await until(() => server.messages.length === 4);
  const parts = server.messages.sort((a, b) => a[10]! - b[10]!);
  t.true(parts.every((part, index) => part.readUInt16BE(0) === 0x1e0f && part[10] === index && part[11] === 4 && part.length <= 1420));
  const whole = JSON.parse(Buffer.concat(parts.map((part) => part.subarray(12))).toString()) as Record<string, string>;
  t.is(whole['short_message'], 'x'.repeat(5000));
});

test('gelf by TCP ends each message with a zero', async (t) => {
  const dock = await house();
  const server = await tcpServer(t);
  const spec = specWith({}, { 'gelf-address': `tcp://127.0.0.1:${server.port}` }, 'gelf');
  await run(t, dock, newId(), spec, 'echo one >&3; echo two >&3');
  await until(() => server.bytes().toString().split('\0').length === 3);
  const messages = server.bytes().toString().split('\0').slice(0, 2).map((message) => (JSON.parse(message) as Record<string, string>)['short_message']);
  t.deepEqual(messages, ['one', 'two']);
});

test('a log server that does not read holds its container up, unless mode=non-blocking drops lines for it', async (t) => {
  const dock = await house();
  const server = await tcpServer(t);
  const address = { 'gelf-address': `tcp://127.0.0.1:${server.port}` };
  const dropping = specWith({}, { ...address, mode: 'non-blocking', 'max-buffer-size': '64k' }, 'gelf');
  const waiting = specWith({}, address, 'gelf');
  const open = async (spec: typeof waiting): Promise<ChildProcess> => {
    const connections = server.sockets.length;
    const fifos = await dock.stdio.open(newId(), 'web', spec);
    await until(() => server.sockets.length > connections);
    server.sockets.at(-1)!.pause();
    return shim(t, fifos, 'seq 1 100000 >&3');
  };
  await exited(await open(dropping));
  const held = await open(waiting);
  await until(() => server.sockets.length === 2);
  t.is(held.exitCode, null);
  server.sockets.at(-1)!.resume();
  await exited(held);
  await until(() => server.bytes().includes('"short_message":"100000"'));
  t.is(held.exitCode, 0);
});

test('the stream to a log server is made anew when it breaks', async (t) => {
  const dock = await house();
  const server = await tcpServer(t);
  const [id, spec] = [newId(), specWith({}, { 'syslog-address': `tcp://127.0.0.1:${server.port}` }, 'syslog')];
  const fifos = await dock.stdio.open(id, 'web', spec);
  const child = shim(t, fifos, 'echo one >&3; while read line; do echo $line >&3; done');
  await until(() => server.bytes().includes('one'));
  server.sockets[0]!.destroy();
  await until(() => server.sockets.length === 2);
  await until(() => {
    child.stdin!.write('two\n');
    return server.bytes().includes('two');
  });
  child.stdin!.end();
  await exited(child);
  await dock.stdio.drained(id);
  t.true(textOf(await readAll(dock.stdio, id, spec)).startsWith('one\ntwo\n'));
});
