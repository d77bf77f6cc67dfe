// run.test.ts: what `docker run` makes of its options, seen from inside the container
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { eventually, run } from '../_daemon.ts';
import { sharedDaemon } from './_shared.ts';

const { real, daemon } = sharedDaemon();
const inside = (options: readonly string[], ...command: string[]) => daemon().ok('run', '--rm', '--network', 'none', ...options, 'busybox', ...command);
const shell = (options: readonly string[], script: string) => inside(options, 'sh', '-c', script);

/** The docker command line on a terminal of its own, its input given line by line as soon as the text before was seen. */
async function terminal(t: ExecutionContext, args: string, input: string) {
  const { socket, roots } = daemon();
  const env = { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(roots.folder, 'docker') };
  const outcome = await run('script', ['-qec', `docker ${args}`, '/dev/null'], { input, env });
  t.log(outcome.stdout);
  return outcome;
}

real('the exit code of docker run is the container\'s', async (t) => {
  const { code, stdout, stderr } = await daemon().docker('run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7');
  t.is(code, 7);
  t.is(stdout, 'out\n');
  t.is(stderr, 'err\n');
});

real('a command that is not there ends with 127, one that cannot be executed with 126, what the daemon refuses with 125', async (t) => {
  const absent = await daemon().docker('run', '--rm', 'busybox', 'no-such-command');
  t.is(absent.code, 127);
  t.true(absent.stderr.includes('exec: "no-such-command": executable file not found in $PATH'), absent.stderr);
  const file = await daemon().docker('run', '--rm', 'busybox', '/etc/passwd');
  t.is(file.code, 126);
  t.true(file.stderr.includes('exec: "/etc/passwd": permission denied'), file.stderr);
  t.is((await daemon().docker('run', '--rm', '-w', 'relative', 'busybox', 'true')).code, 125);
});

real('a container that a signal ended gives 128 and the signal', async (t) => {
  t.is((await daemon().docker('run', '--rm', '--network', 'none', 'busybox', 'sh', '-c', 'kill -9 $$; sleep 1; (sh -c "kill -9 \\$\\$"); exit 137')).code, 137);
  await daemon().ok('run', '-d', '--name', 'signalled', '--network', 'none', 'busybox', 'sleep', '100000');
  await daemon().ok('kill', 'signalled');
  t.is(await daemon().ok('wait', 'signalled'), '137');
});

real('docker run --rm leaves nothing, docker run -d prints the id', async (t) => {
  await daemon().ok('run', '--rm', '--name', 'brief', '--network', 'none', 'busybox', 'true');
  await eventually('it was gone', async () => (await daemon().docker('inspect', 'brief')).code === 1);
  const id = await daemon().ok('run', '-d', '--name', 'detached', '--network', 'none', 'busybox', 'true');
  t.regex(id, /^[0-9a-f]{64}$/);
  t.is(await daemon().ok('inspect', '-f', '{{.Id}}', 'detached'), id);
  t.is(await daemon().ok('inspect', '-f', '{{.Id}}', id.slice(0, 9)), id);
});

real('docker run -i hands its input on, to the last byte', async (t) => {
  const bytes = Buffer.alloc(3_000_000, 'x');
  const { stdout } = await daemon().dockerWith(bytes, 'run', '--rm', '-i', '--network', 'none', 'busybox', 'wc', '-c');
  t.is(stdout.trim(), '3000000');
  const large = await daemon().docker('run', '--rm', '--network', 'none', 'busybox', 'sh', '-c', 'yes | head -c 3000000');
  t.is(large.stdout.length, 3_000_000);
});

real('docker run -it is a shell on a terminal', async (t) => {
  const { code, stdout } = await terminal(t, 'run --rm -it --network none busybox sh', 'echo sum=$((20+22)); tty; exit 5\n');
  t.is(code, 5);
  t.true(stdout.includes('sum=42'));
  t.true(stdout.includes('/dev/pts/0'));
});

real('user, groups, working directory, environment, entrypoint and host name are as asked', async (t) => {
  t.is(await inside(['-u', 'www-data'], 'id'), 'uid=33(www-data) gid=33(www-data) groups=33(www-data)');
  t.is(await inside(['-u', '1234:5678'], 'id'), 'uid=1234 gid=5678 groups=5678');
  t.regex(await inside(['-u', 'www-data', '--group-add', 'users'], 'id'), /groups=.*100\(users\)/);
  t.is(await inside(['-w', '/made/for/it'], 'pwd'), '/made/for/it');
  t.is(await shell(['-e', 'ONE=1', '-e', 'TWO=2 3'], 'echo $ONE $TWO $HOME'), '1 2 3 /root');
  t.is(await inside(['--entrypoint', 'echo'], 'said'), 'said');
  t.is(await shell(['-h', 'web'], 'hostname; cat /etc/hostname'), 'web\nweb');
  const nobody = await daemon().docker('run', '--rm', '-u', 'somebody', 'busybox', 'true');
  t.is(nobody.code, 125);
  t.true(nobody.stderr.includes('unable to find user somebody: no matching entries in passwd file'), nobody.stderr);
});

real('/etc/hosts and /etc/resolv.conf are made for the container', async (t) => {
  const hosts = await daemon().ok('run', '--rm', '-h', 'web', '--add-host', 'db:10.1.2.3', 'busybox', 'cat', '/etc/hosts');
  t.regex(hosts, /^127\.0\.0\.1\tlocalhost$/m);
  t.regex(hosts, /^10\.1\.2\.3\tdb$/m);
  t.regex(hosts, /^\d+\.\d+\.\d+\.\d+\tweb$/m);
  const names = await inside(['--dns', '10.9.9.9', '--dns-search', 'example.org', '--dns-opt', 'ndots:3'], 'cat', '/etc/resolv.conf');
  t.deepEqual(names.split('\n').toSorted(), ['nameserver 10.9.9.9', 'options ndots:3', 'search example.org']);
});

real('memory, cpus, pids and ulimits are what the kernel holds the container to', async (t) => {
  const id = await daemon().ok('run', '-d', '--network', 'none', '-m', '64m', '--cpus', '0.5', '--pids-limit', '50', '--ulimit', 'nofile=100:200', 'busybox', 'sh', '-c', 'ulimit -n; ulimit -Hn; exec sleep 100000');
  const pid = await daemon().ok('inspect', '-f', '{{.State.Pid}}', id);
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n').map((line) => line.split(':'));
  const value = (controller: string, old: string, now: string) => {
    const own = groups.find(([, names]) => names?.split(',').includes(controller));
    return own ? readFileSync(join('/sys/fs/cgroup', controller, own[2] ?? '', old), 'utf8').trim() : readFileSync(join('/sys/fs/cgroup', groups[0]?.[2] ?? '', now), 'utf8').trim();
  };
  t.is(value('memory', 'memory.limit_in_bytes', 'memory.max'), String(64 * 1024 * 1024));
  t.regex(value('cpu', 'cpu.cfs_quota_us', 'cpu.max'), /^50000( 100000)?$/);
  t.is(value('pids', 'pids.max', 'pids.max'), '50');
  await eventually('it printed', async () => (await daemon().ok('logs', id)) === '100\n200');
  await daemon().ok('rm', '-f', id);
});

real('a container that takes more memory than it may is killed, and it is told', async (t) => {
  const { code } = await daemon().docker('run', '--name', 'greedy', '--network', 'none', '-m', '16m', '--memory-swap', '16m', 'busybox', 'sh', '-c', 'x=a; while true; do x=$x$x; done');
  t.is(code, 137);
  t.is(await daemon().ok('inspect', '-f', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'greedy'), 'true 137');
});

real('binds, tmpfs and a read-only root are mounted as asked', async (t) => {
  const folder = join(daemon().roots.folder, 'bound');
  mkdirSync(folder);
  writeFileSync(join(folder, 'file'), 'from the host\n');
  t.is(await shell(['-v', `${folder}:/b`], 'cat /b/file; echo back > /b/new'), 'from the host');
  t.is(readFileSync(join(folder, 'new'), 'utf8'), 'back\n');
  t.regex(await shell(['-v', `${folder}:/b:ro`], '(echo x > /b/file) 2>&1; true'), /Read-only file system/);
  t.regex(await shell(['--read-only'], 'touch /x 2>&1; true'), /Read-only file system/);
  t.regex(await shell(['--read-only', '--tmpfs', '/t:size=64k,mode=1770'], 'touch /t/x && grep " /t " /proc/mounts'), /^tmpfs \/t tmpfs rw.*size=64k,mode=1770/);
  t.regex(await shell(['--shm-size', '1m'], 'df -k /dev/shm'), /1024/);
  const made = join(daemon().roots.folder, 'not', 'there', 'yet');
  t.is(await shell(['-v', `${made}:/m`], 'ls /m'), '');
});

real('capabilities, devices and hidden paths are Docker\'s', async (t) => {
  const own = /^CapBnd:\t([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const passed = (mask: string) => (BigInt(`0x${mask}`) & BigInt(`0x${own}`)).toString(16).padStart(16, '0');
  const effective = async (...options: string[]) => (await inside(options, 'grep', 'CapEff', '/proc/self/status')).split('\t')[1];
  t.is(await effective(), passed('00000000a80425fb'));
  t.is(await effective('--cap-add', 'NET_ADMIN', '--cap-drop', 'CHOWN'), passed('00000000a80435fa'));
  t.is(await effective('-u', '1000'), '0000000000000000');
  t.is(await shell([], 'cat /proc/keys /proc/timer_list | wc -c; echo x > /proc/sysrq-trigger 2>/dev/null || echo refused'), '0\nrefused');
  t.regex(await shell([], 'ls /dev | tr "\\n" " "'), /fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero/);
});

real('a privileged container has all that the daemon has', async (t) => {
  const bounding = /^CapBnd:\t([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  t.is(await inside(['--privileged'], 'grep', 'CapEff', '/proc/self/status'), `CapEff:\t${bounding}`);
});

real('--init puts an init before the command', async (t) => {
  t.regex(await shell(['--init'], 'cat /proc/1/comm'), /init|tini/);
});

real('a container in another\'s network, process or host namespaces shares them', async (t) => {
  await daemon().ok('run', '-d', '--name', 'lender', '-h', 'lender', 'busybox', 'sleep', '100000');
  const link = await daemon().ok('exec', 'lender', 'readlink', '/proc/self/ns/net');
  t.is(await daemon().ok('run', '--rm', '--network', 'container:lender', 'busybox', 'sh', '-c', 'readlink /proc/self/ns/net; hostname'), `${link}\nlender`);
  t.regex(await daemon().ok('run', '--rm', '--network', 'none', '--pid', 'container:lender', 'busybox', 'ps'), /sleep 100000/);
  const host = await run('readlink', ['/proc/self/ns/net']);
  t.is(await daemon().ok('run', '--rm', '--network', 'host', 'busybox', 'readlink', '/proc/self/ns/net'), host.stdout.trim());
  await daemon().ok('rm', '-f', 'lender');
});

real('without a network there is a loopback and nothing else', async (t) => {
  t.is(await inside([], 'ls', '/sys/class/net'), 'lo');
});
