// startup.test.ts: the daemon as a process: its start, its signals, its end
import { createServer } from 'node:net';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ava from 'ava';
import { ask, eventually, makeRoots, run, startDaemon, type Reply } from '../_daemon.ts';

/** One after the other: each starts a daemon or more. */
const test = ava.serial;
const simulated = { world: 'simulated' } as const;
const tallyd = join(import.meta.dirname, '../../tallyd');
const ping = async (socket: string): Promise<Reply> => ask(socket, 'GET', '/_ping');

test('a daemon that is ready answers on its socket', async (t) => {
  const daemon = await startDaemon(t, simulated);
  const reply = await ping(daemon.socket);
  t.is(reply.status, 200);
  t.is(reply.text, 'OK');
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
  t.is(mode(daemon.socket), '660');
  t.is(mode(daemon.roots.data), '700');
  t.is(mode(daemon.roots.exec), '701');
});

test('each step of the start is a fact with its time', async (t) => {
  const daemon = await startDaemon(t, simulated);
  for (const step of ['options', 'roots', 'pidFile', 'listeners', 'log', 'replay', 'containerd', 'system', 'network', 'reconcile', 'ready']) {
    t.regex(daemon.journal(), new RegExp(`start-up: ${step}" tookMs=`));
  }
});

test('a second daemon on the same root is refused with the pid of the first', async (t) => {
  const daemon = await startDaemon(t, simulated);
  const second = await run(tallyd, ['--world', 'simulated', '--data-root', daemon.roots.data, '--exec-root', join(daemon.roots.folder, 'other')]);
  t.is(second.code, 1);
  t.true(second.stderr.includes(`another daemon runs on ${daemon.roots.data}: pid ${daemon.pid()}`), second.stderr);
  const third = await run(tallyd, ['--world', 'simulated', '--data-root', join(daemon.roots.folder, 'other'), '--exec-root', daemon.roots.exec]);
  t.true(third.stderr.includes(`another daemon runs on ${daemon.roots.exec}: pid ${daemon.pid()}`), third.stderr);
  t.is((await ping(daemon.socket)).status, 200);
});

test('two daemons with different roots run side by side', async (t) => {
  const [one, other] = await Promise.all([startDaemon(t, simulated), startDaemon(t, simulated)]);
  t.is((await ping(one.socket)).status, 200);
  t.is((await ping(other.socket)).status, 200);
});

test('what a killed daemon left behind is taken over', async (t) => {
  const daemon = await startDaemon(t, simulated);
  await daemon.kill('SIGKILL');
  t.true(existsSync(daemon.socket));
  t.true(existsSync(join(daemon.roots.exec, 'tallyd.pid')));
  await daemon.restart();
  t.is((await ping(daemon.socket)).status, 200);
  t.is(Number(readFileSync(join(daemon.roots.exec, 'tallyd.pid'), 'utf8')), daemon.pid());
});

test('SIGTERM and SIGINT end the daemon in order', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const daemon = await startDaemon(t, simulated);
    t.is(await daemon.kill(signal), 0, daemon.journal());
    t.regex(daemon.journal(), new RegExp(`Processing signal '${signal}'`));
    t.false(existsSync(daemon.socket));
    t.false(existsSync(join(daemon.roots.exec, 'tallyd.pid')));
  }
});

test('a client that only listens does not keep the daemon from ending', async (t) => {
  const daemon = await startDaemon(t, simulated);
  const listening = ask(daemon.socket, 'GET', '/events').catch(() => null);
  await ping(daemon.socket);
  t.is(await daemon.kill('SIGTERM'), 0);
  await listening;
});

test('SIGUSR1 writes down what the daemon knows', async (t) => {
  const daemon = await startDaemon(t, simulated);
  process.kill(daemon.pid(), 'SIGUSR1');
  const found = await eventually('the state was written', () => /state written to (\S+?)"/.exec(daemon.journal())?.[1]);
  const state = JSON.parse(readFileSync(found, 'utf8')) as { status: string; entities: { stream: string }[] };
  t.is(state.status, 'ready');
  t.true(state.entities.some(({ stream }) => stream.startsWith('network-')));
  t.is((await ping(daemon.socket)).status, 200);
});

test('whoever started the daemon is told when it is ready and when it ends', async (t) => {
  const roots = makeRoots(t);
  const told = join(roots.folder, 'told');
  const notify = join(roots.folder, 'notify.sock');
  // Node has no datagram sockets of unix to receive with.
  const receiver = await run('python3', ['-c', 'import socket']).catch(() => ({ code: 1 }));
  if (receiver.code !== 0) return t.pass('needs python3 to receive datagrams');
  const script = `import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nopen(sys.argv[2]+'.bound','w').close()\nf=open(sys.argv[2],'a')\nwhile True:\n  m=s.recv(4096).decode()\n  f.write(m+chr(10)); f.flush()\n  if m.startswith('STOPPING'): break\n`;
  const listening = run('python3', ['-c', script, notify, told], { timeoutMs: 600_000 });
  await eventually('the receiver listened', () => existsSync(`${told}.bound`));
  const daemon = await startDaemon(t, { ...simulated, roots, env: { NOTIFY_SOCKET: notify } });
  await daemon.kill('SIGTERM');
  await listening;
  t.deepEqual(readFileSync(told, 'utf8').trim().split('\n'), ['READY=1', 'STOPPING=1']);
});

test('the API is served on loopback too', async (t) => {
  const free = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
  const roots = makeRoots(t);
  await startDaemon(t, { ...simulated, roots, args: ['-H', `tcp://127.0.0.1:${free}`, '-H', `unix://${roots.exec}/tallyd.sock`] });
  t.is(await (await fetch(`http://127.0.0.1:${free}/_ping`)).text(), 'OK');
  t.is((await ping(join(roots.exec, 'tallyd.sock'))).status, 200);
});

test('a socket that another process listens on is left to it', async (t) => {
  const roots = makeRoots(t);
  const path = join(roots.folder, 'taken.sock');
  const server = createServer().listen(path);
  t.teardown(() => server.close());
  await eventually('somebody listened', () => existsSync(path));
  const { code, stderr } = await run(tallyd, ['--world', 'simulated', '--data-root', roots.data, '--exec-root', roots.exec, '-H', `unix://${path}`]);
  t.is(code, 1);
  t.regex(stderr, /can't create unix socket .*taken\.sock: another process listens there/);
  t.true(existsSync(path));
});

test('a group that does not exist is refused when it was asked for', async (t) => {
  const roots = makeRoots(t);
  const { code, stderr } = await run(tallyd, ['--world', 'simulated', '--data-root', roots.data, '--exec-root', roots.exec, '-G', 'no-such-group']);
  t.is(code, 1);
  t.regex(stderr, /group no-such-group not found/);
});

test('a start that fails says at which step, and leaves the roots to the next', async (t) => {
  const roots = makeRoots(t);
  mkdirSync(roots.data, { recursive: true });
  writeFileSync(join(roots.data, 'log'), 'a file where a folder has to be');
  const args = ['--world', 'simulated', '--data-root', roots.data, '--exec-root', roots.exec];
  const { code, stderr } = await run(tallyd, args);
  t.is(code, 1);
  t.regex(stderr, /failed to start daemon: .*(EEXIST|ENOTDIR)/);
  t.false(existsSync(join(roots.exec, 'tallyd.sock')));
  const daemon = await startDaemon(t, { ...simulated, roots, args: ['--event-log', `sqlite:${roots.data}/elsewhere/log.db`] });
  t.is((await ping(daemon.socket)).status, 200);
});

test('the daemon keeps its identity over restarts, and another root is another daemon', async (t) => {
  const daemon = await startDaemon(t, simulated);
  const id = async () => (await daemon.request('GET', '/info')).json<{ ID: string }>().ID;
  const before = await id();
  await daemon.restart('SIGTERM');
  t.is(await id(), before);
  const other = await startDaemon(t, simulated);
  t.not((await other.request('GET', '/info')).json<{ ID: string }>().ID, before);
});

test('what the daemon keeps in memory only is gone with it', async (t) => {
  const daemon = await startDaemon(t, { ...simulated, args: ['--event-log', 'memory:'] });
  t.false(existsSync(join(daemon.roots.data, 'log')));
  t.deepEqual(readdirSync(daemon.roots.data).filter((name) => name.includes('.db')), []);
});

test('the command line says what it is, checks a configuration, and draws its machines', async (t) => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string };
  t.true((await run(tallyd, ['--version'])).stdout.startsWith(`tallyd version ${version}`));
  t.regex((await run(tallyd, ['--help'])).stdout, /--data-root/);
  const roots = makeRoots(t);
  const file = join(roots.folder, 'daemon.json');
  writeFileSync(file, '{"debug": true}');
  t.deepEqual(await run(tallyd, ['--validate', '--config-file', file]), { code: 0, stdout: '', stderr: 'configuration OK\n' });
  writeFileSync(file, '{"debug": true, "debug": true}');
  const wrong = await run(tallyd, ['--validate', '--config-file', file]);
  t.is(wrong.code, 125);
  t.regex(wrong.stderr, /the key "debug" is given twice/);
  t.regex((await run(tallyd, ['charts', 'container'])).stdout, /stateDiagram-v2[\s\S]*running --> releasing: exited/);
  const drawn = JSON.parse((await run(tallyd, ['charts', '--format', 'json'])).stdout) as { kind: string }[];
  t.true(drawn.some(({ kind }) => kind === 'daemon'));
  t.is((await run(tallyd, ['charts', 'nothing'])).code, 125);
});
