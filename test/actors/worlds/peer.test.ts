// peer.test.ts: who is at the other end of a unix socket
import test from 'ava';
import { execFile } from 'node:child_process';
import { mkdtempSync, openSync, closeSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { libc } from '../../../actors/worlds/libc.ts';
import { descriptorOf, peerCredentials } from '../../../actors/worlds/peer.ts';

const folder = mkdtempSync(join(tmpdir(), 'tally-peer-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));
const withFfi = libc ? test : test.skip;

const accepted = (server: Server): Promise<Socket> => new Promise((resolve) => server.once('connection', resolve));
const listening = (server: Server, where: string | number): Promise<void> =>
  new Promise((resolve) => (typeof where === 'string' ? server.listen(where, resolve) : server.listen(where, '127.0.0.1', resolve)));

withFfi('a process that connects to a unix socket is known by pid, uid and gid', async (t) => {
  const path = join(folder, 'socket');
  const server = createServer();
  t.teardown(() => void server.close());
  await listening(server, path);
  const socket = accepted(server);
  const script = `require('node:net').connect(${JSON.stringify(path)}).on('end', () => process.exit())`;
  const child = execFile(process.execPath, ['-e', script]);
  t.teardown(() => void child.kill('SIGKILL'));
  const met = await socket;
  t.teardown(() => void met.destroy());
  t.deepEqual(peerCredentials(descriptorOf(met)), { pid: child.pid!, uid: process.getuid!(), gid: process.getgid!() });
});

test('nobody is known behind a TCP socket, a plain file or a closed descriptor', async (t) => {
  const server = createServer();
  t.teardown(() => void server.close());
  await listening(server, 0);
  const socket = accepted(server);
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const met = await socket;
  t.teardown(() => (client.destroy(), void met.destroy()));
  t.is(peerCredentials(descriptorOf(met)), null);
  const file = openSync('/dev/null', 'r');
  t.is(peerCredentials(file), null);
  closeSync(file);
  t.is(peerCredentials(-1), null);
  t.is(descriptorOf({}), -1);
});
