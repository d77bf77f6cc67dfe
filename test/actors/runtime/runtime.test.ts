// runtime.test.ts: containers that really run
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import anyTest from 'ava';
import { WorldFailure } from '../../../actors/world.ts';
import { box, missing, never, ran, runOf, specOf, started, until } from './_box.ts';

// One after the other: each has a containerd of its own, and two at once gain nothing on two cores.
const test = missing ? anyTest.skip : anyTest.serial;
if (missing) anyTest(`real containers are not tested here: ${missing}`, (t) => t.pass());

test('a container runs its command, and its exit code and output are told', async (t) => {
  const boxed = await box(t);
  const { exitCode, output, id } = await ran(boxed, { command: ['sh', '-c', 'echo out; echo err >&2; exit 3'] });
  t.is(exitCode, 3);
  t.is(output, 'out\nerr\n');
  t.deepEqual((await boxed.runtime.tasks()).map((task) => [task.id, task.state]), [[id, 'stopped']]);
  await boxed.runtime.release(id);
  t.deepEqual(await boxed.runtime.tasks(), []);
  t.deepEqual(await boxed.runtime.containers(), [id]);
  await boxed.runtime.remove(id);
  t.deepEqual(await boxed.runtime.containers(), []);
});

test('each door may be asked twice', async (t) => {
  const boxed = await box(t);
  const { runtime, image } = boxed;
  const { run } = runOf(boxed, { command: ['sleep', '1000'] });
  await runtime.prepare(run.id, run.spec, image);
  await runtime.prepare(run.id, run.spec, image);
  const made = await runtime.createTask(run);
  t.is(made.state, 'created');
  t.deepEqual(await runtime.createTask(run), made);
  await runtime.startTask(run.id);
  await runtime.startTask(run.id);
  t.deepEqual(await runtime.createTask(run), { ...made, state: 'running' });
  await runtime.pause(run.id);
  await runtime.pause(run.id);
  t.is((await runtime.tasks())[0]?.state, 'paused');
  await runtime.resume(run.id);
  await runtime.resume(run.id);
  await runtime.signal(run.id, 'SIGKILL');
  t.is((await runtime.exit(run.id, never()))?.exitCode, 137);
  t.is((await runtime.exit(run.id, never()))?.exitCode, 137);
  await runtime.signal(run.id, 'SIGKILL');
  await runtime.release(run.id);
  await runtime.release(run.id);
  await runtime.remove(run.id);
  await runtime.remove(run.id);
  t.is(await runtime.exit(run.id, never()), null);
});

test('a container can be started again and finds what it wrote', async (t) => {
  const boxed = await box(t);
  const first = await ran(boxed, { command: ['sh', '-c', 'ls /kept 2>/dev/null && echo again; touch /kept'] });
  t.is(first.output, '');
  await boxed.runtime.release(first.id);
  const second = runOf(boxed, { command: ['ls', '/kept'] });
  const run = { ...second.run, id: first.id };
  await boxed.runtime.createTask(run);
  await boxed.runtime.startTask(first.id);
  t.is((await boxed.runtime.exit(first.id, never()))?.exitCode, 0);
  t.is(await second.output(), '/kept\n');
});

test('a running container, and a paused one, are put away when they are removed', async (t) => {
  const boxed = await box(t);
  const running = runOf(boxed, { command: ['sleep', '1000'] });
  const paused = runOf(boxed, { command: ['sleep', '1000'] });
  await started(boxed, running);
  await started(boxed, paused);
  await boxed.runtime.pause(paused.run.id);
  await boxed.runtime.remove(running.run.id);
  await boxed.runtime.remove(paused.run.id);
  t.deepEqual(await boxed.runtime.tasks(), []);
  t.deepEqual(await boxed.runtime.containers(), []);
  t.deepEqual(readdirSync(join(boxed.root, 'data/containers')), []);
});

test('what was made for the run does not show among the container\'s changes', async (t) => {
  const boxed = await box(t);
  const { id } = await ran(boxed, { command: ['touch', '/mine'] });
  const { mounts } = await boxed.containerd.call('Snapshots.Mounts', { snapshotter: 'overlayfs', key: id });
  const upper = mounts[0]?.options.find((option) => option.startsWith('upperdir='))?.slice('upperdir='.length) ?? '';
  t.deepEqual(readdirSync(upper), ['mine']);
});

const user = async (boxed: Awaited<ReturnType<typeof box>>, config: object, hostConfig = {}) =>
  (await ran(boxed, { command: ['sh', '-c', 'id; echo $HOME'], config, hostConfig })).output;

test('the user is found in the container\'s own files, with its groups and home', async (t) => {
  const boxed = await box(t);
  t.is(await user(boxed, {}), 'uid=0(root) gid=0(root) groups=0(root),10(wheel)\n/root\n');
  t.is(await user(boxed, { User: 'www-data' }), 'uid=33(www-data) gid=33(www-data) groups=33(www-data),44(video)\n/var/www\n');
  t.is(await user(boxed, { User: '1234:video' }, { GroupAdd: ['wheel'] }), 'uid=1234 gid=44(video) groups=10(wheel),44(video)\n/\n');
  const error = await t.throwsAsync(user(boxed, { User: 'nobody-here' }), { instanceOf: WorldFailure });
  t.is(error.message, 'unable to find user nobody-here: no matching entries in passwd file');
});

test('a user that the container has deleted is not found any more', async (t) => {
  const boxed = await box(t);
  const { id } = await ran(boxed, { command: ['busybox', 'sh', '-c', 'cd /; busybox rm -rf /etc; busybox mkdir /etc'] });
  await boxed.runtime.release(id);
  const second = runOf(boxed, { config: { User: 'www-data' } });
  await t.throwsAsync(boxed.runtime.createTask({ ...second.run, id }), { message: /^unable to find user www-data/ });
});

test('hosts, hostname and resolver files are the container\'s own', async (t) => {
  const boxed = await box(t);
  const { output } = await ran(boxed, {
    command: ['sh', '-c', 'cat /etc/hosts /etc/hostname /etc/resolv.conf; hostname'],
    hostConfig: { NetworkMode: 'default' },
    more: { hosts: [{ address: '10.0.0.2', names: ['web', 'www'] }], dns: { servers: ['10.0.0.1'], search: ['example.org'], options: ['ndots:1'] } },
  });
  t.is(output, [
    '127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', 'fe00::\tip6-localnet', 'ff00::\tip6-mcastprefix', 'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters', '10.0.0.2\tweb www', 'web', 'nameserver 10.0.0.1', 'search example.org', 'options ndots:1', 'web', '',
  ].join('\n'));
});

test('a container in another\'s network has that one\'s name and hosts', async (t) => {
  const boxed = await box(t);
  const lender = runOf(boxed, { command: ['sleep', '1000'], config: { Hostname: 'lender' }, hostConfig: { NetworkMode: 'default' } });
  await started(boxed, lender);
  const { output } = await ran(boxed, { command: ['sh', '-c', 'hostname; cat /etc/hostname; echo $HOSTNAME'], hostConfig: { NetworkMode: `container:${lender.run.id}` } });
  t.is(output, 'lender\nlender\nlender\n');
});

test('binds, read-only ones too, and RAM disks are mounted; a missing working directory is made', async (t) => {
  const boxed = await box(t);
  const source = join(boxed.root, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'file'), 'hello\n');
  const bind = { type: 'bind', source, mode: '', propagation: '', copy: false } as const;
  const { output } = await ran(boxed, {
    command: ['sh', '-c', 'cat /data/file; touch /data/new 2>/dev/null || echo read-only; touch /own/new && echo made; pwd; stat -f -c %T /ram'],
    config: { WorkingDir: '/some/where' },
    hostConfig: { Tmpfs: { '/ram': 'size=1m' } },
    mounts: [{ ...bind, destination: '/data', readWrite: false }, { ...bind, destination: '/own', readWrite: true }],
  });
  t.is(output, 'hello\nread-only\nmade\n/some/where\ntmpfs\n');
  t.true(existsSync(join(source, 'new')));
});

test('a read-only root and limits of memory and pids hold', async (t) => {
  const boxed = await box(t);
  const { output } = await ran(boxed, {
    command: ['sh', '-c', 'touch /x 2>/dev/null || echo read-only; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max'],
    hostConfig: { ReadonlyRootfs: true, Memory: 64 * 1024 * 1024, PidsLimit: 50 },
  });
  t.is(output, 'read-only\n67108864\n50\n');
});

test('a running container\'s limits can be changed', async (t) => {
  const boxed = await box(t);
  const { run } = runOf(boxed, { command: ['sleep', '1000'], hostConfig: { Memory: 64 * 1024 * 1024, MemorySwap: -1 } });
  await started(boxed, { run, output: async () => '' });
  await boxed.runtime.update(run.id, { Memory: 128 * 1024 * 1024, PidsLimit: 77 });
  const exec = await boxed.runtime.execs.probe(run.id, { Test: ['CMD-SHELL', 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max'] }, run.spec, never());
  t.deepEqual(exec, { exitCode: 0, output: '134217728\n' });
});

test('a container killed for lack of memory says so, once', async (t) => {
  const boxed = await box(t);
  const told: string[] = [];
  boxed.runtime.onOutOfMemory((id) => told.push(id));
  const start = runOf(boxed, { command: ['sh', '-c', 'x=$(head -c 200000000 /dev/zero | busybox tr "\\\\0" a); echo $x | head -c 1'], hostConfig: { Memory: 16 * 1024 * 1024, MemorySwap: 16 * 1024 * 1024 } });
  await started(boxed, start);
  const exit = await boxed.runtime.exit(start.run.id, never());
  t.true(exit?.oomKilled);
  await until('the kill is told', () => told.length > 0);
  t.deepEqual([...new Set(told)], [start.run.id]);
});

test('--init makes a small init the first process', async (t) => {
  const boxed = await box(t, { initPath: '/bin/busybox' });
  const start = runOf(boxed, { command: ['true'], hostConfig: { Init: true } });
  await boxed.runtime.prepare(start.run.id, start.run.spec, boxed.image);
  const { pid } = await boxed.runtime.createTask(start.run);
  t.true(pid > 0);
  const { container } = await boxed.containerd.call('Containers.Get', { id: start.run.id });
  t.regex(container.spec?.value.toString() ?? '', /"args":\["\/sbin\/docker-init","--","true"\]/);
});

for (const [what, command, reason, exitCode, message] of [
  ['is nowhere', ['nope'], 'commandNotFound', 127, /^failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "nope": executable file not found in \$PATH: unknown$/],
  ['is not executable', ['/etc/notes'], 'commandNotExecutable', 126, /exec: "\/etc\/notes": permission denied: unknown$/],
  ['is a folder', ['/etc'], 'commandNotExecutable', 126, /exec: "\/etc": /],
  ['is at no such path', ['/no/such'], 'commandNotFound', 127, /exec: "\/no\/such": stat \/no\/such: no such file or directory: unknown$/],
] as const) {
  test(`a command that ${what} fails with ${exitCode}, and the container can be tried again`, async (t) => {
    const boxed = await box(t);
    const { run } = runOf(boxed, { command: [...command] });
    await boxed.runtime.prepare(run.id, run.spec, boxed.image);
    const error = await t.throwsAsync(boxed.runtime.createTask(run), { instanceOf: WorldFailure });
    t.is(error.failure.reason, reason);
    t.is(error.exitCode, exitCode);
    t.regex(error.message, message);
    t.deepEqual(await boxed.runtime.tasks(), []);
    await boxed.runtime.createTask({ ...run, spec: specOf({ command: ['true'] }) });
    await boxed.runtime.startTask(run.id);
    t.is((await boxed.runtime.exit(run.id, never()))?.exitCode, 0);
  });
}

test('an unknown runtime and a missing image are told apart', async (t) => {
  const { runtime, image } = await box(t);
  const unknown = await t.throwsAsync(runtime.prepare('a'.repeat(64), specOf({ hostConfig: { Runtime: 'fast' } }), image), { instanceOf: WorldFailure });
  t.is(unknown.failure.reason, 'runtimeUnknown');
  t.is(unknown.message, 'unknown or invalid runtime name: fast');
  const gone = await t.throwsAsync(runtime.prepare('a'.repeat(64), specOf({}), { ...image, chainId: 'sha256:00' }), { instanceOf: WorldFailure });
  t.is(gone.failure.reason, 'imageMissing');
});

test('a container can join the pid and ipc namespaces of another', async (t) => {
  const boxed = await box(t);
  const donor = runOf(boxed, { command: ['sh', '-c', 'echo lent > /dev/shm/note; sleep 1000'], hostConfig: { IpcMode: 'shareable' } });
  await started(boxed, donor);
  const pid = (await boxed.runtime.tasks())[0]?.pid ?? 0;
  await until('the note is written', () => existsSync(`/proc/${pid}/root/dev/shm/note`));
  const { output } = await ran(boxed, {
    command: ['sh', '-c', 'cat /dev/shm/note; readlink /proc/1/ns/pid > /dev/null && cat /proc/1/comm'],
    hostConfig: { PidMode: `container:${donor.run.id}`, IpcMode: `container:${donor.run.id}` },
    more: { join: { pid, ipc: pid } },
  });
  t.is(output, 'lent\nsleep\n');
  await boxed.runtime.remove(donor.run.id);
  t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(donor.run.id));
});

test('a terminal has the size it is given', async (t) => {
  const boxed = await box(t);
  const start = runOf(boxed, { command: ['sh', '-c', 'while [ "$(stty size 2>/dev/null)" != "40 120" ]; do sleep 0.1; done; stty size'], config: { Tty: true } });
  await started(boxed, start);
  const output = start.output();
  await boxed.runtime.resize(start.run.id, null, { height: 40, width: 120 });
  t.is((await boxed.runtime.exit(start.run.id, never()))?.exitCode, 0);
  t.is(await output, '40 120\r\n');
});
