// survival.test.ts: real containers through the death, the restart and the orderly end of their daemon
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { eventually, missing, run, startDaemon, type Daemon } from '../_daemon.ts';

/** One after the other: each starts a daemon, a containerd and containers. */
const real = missing === null ? test.serial : test.serial.skip;
const inspect = async (daemon: Daemon, format: string, name: string) => daemon.ok('inspect', '-f', format, name);
const counting = 'i=0; while true; do i=$((i+1)); echo "count $i"; sleep 0.1; done';
const alive = (pid: string) => existsSync(`/proc/${pid}`) && !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

real('a container goes on, and loses no line, while its daemon is killed and started again', async (t) => {
  const daemon = await startDaemon(t);
  await daemon.busybox();
  await daemon.ok('run', '-d', '--name', 'web', '--network', 'none', 'busybox', 'sh', '-c', counting);
  const pid = await inspect(daemon, '{{.State.Pid}}', 'web');
  const before = await daemon.ok('ps', '-a', '--format', '{{.ID}} {{.Names}} {{.State}}');
  for (let death = 0; death < 3; death += 1) await daemon.restart('SIGKILL');
  t.is(await inspect(daemon, '{{.State.Pid}}', 'web'), pid);
  t.is(await daemon.ok('ps', '-a', '--format', '{{.ID}} {{.Names}} {{.State}}'), before);
  const lines = (await daemon.ok('logs', 'web')).split('\n');
  t.deepEqual(lines, lines.map((_, index) => `count ${index + 1}`));
});

real('a container that ended while no daemon lived is told with its exit code', async (t) => {
  const daemon = await startDaemon(t);
  await daemon.busybox();
  await daemon.ok('run', '-d', '--name', 'brief', '--network', 'none', 'busybox', 'sh', '-c', 'while [ ! -e /tmp/go ]; do sleep 0.1; done; echo last words; exit 7');
  const pid = await inspect(daemon, '{{.State.Pid}}', 'brief');
  await daemon.kill('SIGKILL');
  await run('touch', [`/proc/${pid}/root/tmp/go`]);
  await eventually('the container ended', () => !alive(pid));
  await daemon.restart();
  await eventually('its end was told', async () => (await inspect(daemon, '{{.State.Status}}', 'brief')) === 'exited');
  t.is(await inspect(daemon, '{{.State.ExitCode}}', 'brief'), '7');
  t.is(await daemon.ok('logs', 'brief'), 'last words');
});

real('SIGTERM stops the containers in order, and their containerd', async (t) => {
  const daemon = await startDaemon(t);
  await daemon.busybox();
  await daemon.ok('run', '-d', '--name', 'polite', '--network', 'none', 'busybox', 'sh', '-c', 'trap "echo goodbye; exit 3" TERM; echo up; while true; do sleep 0.1; done');
  await eventually('it ran', async () => (await daemon.ok('logs', 'polite')) === 'up');
  const pid = await inspect(daemon, '{{.State.Pid}}', 'polite');
  const containerd = readFileSync(join(daemon.roots.exec, 'containerd/containerd.pid'), 'utf8').trim();
  t.is(await daemon.kill('SIGTERM'), 0, daemon.journal());
  t.false(alive(pid));
  t.false(alive(containerd));
  await daemon.restart();
  t.is(await inspect(daemon, '{{.State.Status}} {{.State.ExitCode}}', 'polite'), 'exited 3');
  t.is(await daemon.ok('logs', 'polite'), 'up\ngoodbye');
});

real('with --live-restore an orderly end leaves the containers running', async (t) => {
  const daemon = await startDaemon(t, { args: ['--live-restore'] });
  await daemon.busybox();
  await daemon.ok('run', '-d', '--name', 'web', '--network', 'none', 'busybox', 'sleep', '100000');
  const pid = await inspect(daemon, '{{.State.Pid}}', 'web');
  await daemon.restart('SIGTERM');
  t.true(alive(pid));
  t.is(await inspect(daemon, '{{.State.Status}} {{.State.Pid}}', 'web'), `running ${pid}`);
});

real('two daemons on one machine have containers, bridges and ports of their own', async (t) => {
  const daemons = await Promise.all([startDaemon(t), startDaemon(t)]);
  const subnets: string[] = [];
  for (const daemon of daemons) {
    await daemon.busybox();
    await daemon.ok('run', '-d', '--name', 'web', '-p', '8080', 'busybox', 'sh', '-c', 'mkdir -p /www && echo hello > /www/index.html && httpd -f -p 8080 -h /www');
    subnets.push(await daemon.ok('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', 'bridge'));
    const port = (await daemon.ok('port', 'web', '8080/tcp')).split('\n')[0]?.split(':').at(-1);
    const answer = await eventually('the web server answered', () => fetch(`http://127.0.0.1:${port}/`).then((reply) => reply.text(), () => ''));
    t.is(answer, 'hello\n');
  }
  t.not(subnets[0], subnets[1]);
});

real('what an image has at a volume\'s place is copied into the new volume, with owners and modes', async (t) => {
  const daemon = await startDaemon(t);
  await daemon.busybox();
  await daemon.ok('run', '--name', 'maker', '--network', 'none', 'busybox', 'sh', '-c', 'mkdir -p /data/sub && echo kept > /data/sub/file && ln -s sub/file /data/link && chown 33:33 /data/sub/file && chmod 1770 /data');
  await daemon.ok('commit', 'maker', 'full');
  const look = 'stat -c "%a %u" /data; stat -c "%u:%g" /data/sub/file; cat /data/link';
  t.is(await daemon.ok('run', '--rm', '--network', 'none', '-v', 'vol:/data', 'full', 'sh', '-c', look), '1770 0\n33:33\nkept');
  t.is(await daemon.ok('run', '--rm', '--network', 'none', '-v', 'vol:/data', 'full', 'sh', '-c', 'echo more > /data/new; cat /data/link'), 'kept');
  t.is(await daemon.ok('run', '--rm', '--network', 'none', '-v', 'vol:/elsewhere', 'busybox', 'cat', '/elsewhere/new'), 'more');
  t.is(await daemon.ok('run', '--rm', '--network', 'none', '--mount', 'type=volume,src=bare,dst=/data,volume-nocopy', 'full', 'ls', '/data'), '');
});

real('a volume may be a device: a tmpfs, another folder', async (t) => {
  const daemon = await startDaemon(t);
  await daemon.busybox();
  await daemon.ok('volume', 'create', '--opt', 'type=tmpfs', '--opt', 'device=tmpfs', '--opt', 'o=size=1m', 'memory');
  t.regex(await daemon.ok('run', '--rm', '--network', 'none', '-v', 'memory:/m', 'busybox', 'grep', ' /m ', '/proc/mounts'), /^tmpfs \/m tmpfs rw.*size=1024k/);
  await daemon.ok('volume', 'create', '--opt', 'type=none', '--opt', `device=${daemon.roots.folder}`, '--opt', 'o=bind', 'folder');
  await daemon.ok('run', '--rm', '--network', 'none', '-v', 'folder:/f', 'busybox', 'sh', '-c', 'echo here > /f/written');
  t.is(readFileSync(join(daemon.roots.folder, 'written'), 'utf8'), 'here\n');
  t.is(await daemon.ok('volume', 'rm', 'memory', 'folder'), 'memory\nfolder');
  t.is(readFileSync(join(daemon.roots.folder, 'written'), 'utf8'), 'here\n');
  for (const [option, message] of [['nonsense=1', 'invalid option: "nonsense"'], ['type=tmpfs', 'missing required option: "device"']]) {
    const refused = await daemon.docker('volume', 'create', '--opt', option ?? '', 'wrong');
    t.is(refused.code, 1);
    t.true(refused.stderr.includes(message ?? ''), refused.stderr);
  }
});
