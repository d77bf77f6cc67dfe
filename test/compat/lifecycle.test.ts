// lifecycle.test.ts: a container's ups and downs, and what is told of them: ps, inspect, events
import { eventually } from '../_daemon.ts';
import { historyOf } from './_history.ts';
import { sharedDaemon } from './_shared.ts';

const { real, daemon } = sharedDaemon();
const polite = 'trap "exit 3" TERM; echo up; while true; do sleep 0.05; done';
const stubborn = 'trap "" TERM; echo up; while true; do sleep 0.05; done';
const inspected = (name: string, format: string) => daemon().ok('inspect', '-f', format, name);
const status = (name: string) => inspected(name, '{{.State.Status}} {{.State.ExitCode}}');

/** Of a shell that has set its traps. */
async function running(name: string, script: string, ...options: string[]): Promise<void> {
  await daemon().ok('run', '-d', '--name', name, ...options, 'busybox', 'sh', '-c', script);
  await eventually(`${name} was up`, async () => (await daemon().ok('logs', name)).startsWith('up'));
}

/** What was told of a container and its network: `kill 15`, `die 0`, `connect`. */
async function told(id: string): Promise<string[]> {
  const history = await historyOf(daemon());
  return history.filter(({ Actor }) => Actor.ID === id || Actor.Attributes['container'] === id).map(({ Action, Actor: { Attributes } }) =>
    [Action, Attributes['signal'] ?? Attributes['exitCode'] ?? Attributes['oldName']].filter((word) => word !== undefined).join(' '));
}

real('docker stop asks first and then insists; the code is the process\'s', async (t) => {
  await running('polite', polite, '--network', 'none');
  await daemon().ok('stop', '-t', '60', 'polite');
  t.is(await status('polite'), 'exited 3');
  await running('stubborn', stubborn, '--network', 'none');
  await daemon().ok('stop', '-t', '1', 'stubborn');
  t.is(await status('stubborn'), 'exited 137');
  await running('chosen', 'trap "exit 4" USR1; echo up; while true; do sleep 0.05; done', '--stop-signal', 'USR1', '--network', 'none');
  await daemon().ok('stop', '-t', '60', 'chosen');
  t.is(await status('chosen'), 'exited 4');
  await daemon().ok('stop', 'chosen');
});

real('kill, pause, unpause, rename, restart and wait do what they say', async (t) => {
  const docker = daemon();
  await running('steady', polite, '--network', 'none');
  await docker.ok('pause', 'steady');
  t.is(await inspected('steady', '{{.State.Status}} {{.State.Paused}} {{.State.Running}}'), 'paused true true');
  t.regex(await docker.ok('ps', '--filter', 'name=steady', '--format', '{{.Status}}'), /^Up .* \(Paused\)$/);
  await docker.ok('unpause', 'steady');
  await docker.ok('rename', 'steady', 'renamed');
  t.is(await inspected('renamed', '{{.Name}}'), '/renamed');
  const pid = await inspected('renamed', '{{.State.Pid}}');
  await docker.ok('restart', 'renamed');
  t.not(await inspected('renamed', '{{.State.Pid}}'), pid);
  const waiting = docker.ok('wait', 'renamed');
  await docker.ok('kill', 'renamed');
  t.is(await waiting, '137');
  t.is(await status('renamed'), 'exited 137');
  const refused = await docker.docker('rm', 'nobody');
  t.is(refused.code, 1);
  t.true(refused.stderr.includes('No such container: nobody'));
});

real('a running container is removed with -f only', async (t) => {
  await running('held', polite, '--network', 'none');
  const refused = await daemon().docker('rm', 'held');
  t.is(refused.code, 1);
  t.true(refused.stderr.includes('container is running: stop the container before removing or force remove'), refused.stderr);
  await daemon().ok('rm', '-f', 'held');
  t.is((await daemon().docker('inspect', 'held')).code, 1);
});

real('on-failure starts a container again as often as it may', async (t) => {
  const docker = daemon();
  await docker.ok('run', '-d', '--name', 'failing', '--network', 'none', '--restart', 'on-failure:3', 'busybox', 'sh', '-c', 'echo try; exit 2');
  await eventually('it gave up', async () => (await status('failing')) === 'exited 2');
  t.is(await inspected('failing', '{{.RestartCount}}'), '3');
  t.is(await docker.ok('logs', 'failing'), 'try\ntry\ntry\ntry');
});

real('always starts a container again until it is stopped, unless-stopped as well', async (t) => {
  for (const policy of ['always', 'unless-stopped']) {
    const name = `restarted-${policy}`;
    await daemon().ok('run', '-d', '--name', name, '--network', 'none', '--restart', policy, 'busybox', 'sh', '-c', 'echo once; sleep 0.1');
    await eventually('it was started again', async () => Number(await inspected(name, '{{.RestartCount}}')) >= 2);
    await daemon().ok('stop', name);
    t.is((await status(name)).split(' ')[0], 'exited');
    const count = await inspected(name, '{{.RestartCount}}');
    await daemon().ok('start', name);
    await daemon().ok('rm', '-f', name);
    t.true(Number(count) >= 2);
  }
});

// The order of each is that of dockerd, seen beside it.
real('events tell of run --rm in Docker\'s order', async (t) => {
  await daemon().ok('run', '--rm', '--name', 'told', '--cidfile', `${daemon().roots.folder}/told.cid`, 'busybox', 'true');
  const { Actor: { ID: id } } = (await historyOf(daemon(), 'container=told'))[0]!;
  t.deepEqual(await told(id), ['create', 'attach', 'connect', 'start', 'die 0', 'disconnect', 'destroy']);
});

real('events tell of stop, restart, pause, rename, kill and rm -f in Docker\'s order', async (t) => {
  const docker = daemon();
  await running('eventful', polite);
  const id = await inspected('eventful', '{{.Id}}');
  const began = (await told(id)).length;
  const since = async () => (await told(id)).slice(began);
  await docker.ok('stop', '-t', '60', 'eventful');
  const stopped = ['kill 15', 'die 3', 'disconnect', 'stop'];
  t.deepEqual(await since(), stopped);
  await docker.ok('start', 'eventful');
  await eventually('it was up again', async () => (await docker.ok('logs', 'eventful')) === 'up\nup');
  await docker.ok('restart', '-t', '60', 'eventful');
  await eventually('it was up again', async () => (await docker.ok('logs', 'eventful')) === 'up\nup\nup');
  const started = ['connect', 'start'];
  const restarted = [...stopped, ...started, ...stopped, ...started, 'restart'];
  t.deepEqual(await since(), restarted);
  await docker.ok('pause', 'eventful');
  await docker.ok('unpause', 'eventful');
  await docker.ok('rename', 'eventful', 'eventful-too');
  await docker.ok('rm', '-f', 'eventful-too');
  t.deepEqual(await since(), [...restarted, 'pause', 'unpause', 'rename /eventful', 'kill 9', 'die 137', 'disconnect', 'destroy']);
});

real('events are told as they happen, and only those that are asked for', async (t) => {
  const docker = daemon();
  const until = Math.ceil(Date.now() / 1000) + 3600;
  const { spawn } = await import('node:child_process');
  const client = spawn('docker', ['events', '--filter', 'event=start', '--filter', 'event=die', '--filter', 'container=watched', '--until', String(until), '--format', '{{.Action}}'],
    { env: { ...process.env, DOCKER_HOST: `unix://${docker.socket}`, DOCKER_CONFIG: docker.roots.folder } });
  t.teardown(() => client.kill('SIGKILL'));
  let seen = '';
  client.stdout.on('data', (chunk: Buffer) => (seen += chunk));
  await docker.ok('create', '--name', 'watched', '--network', 'none', 'busybox', 'true');
  await eventually('both were told', async () => {
    if (!seen.includes('die')) await docker.ok('start', '-a', 'watched');
    return seen.includes('start\ndie\n');
  });
  t.notRegex(seen, /create|attach|destroy/);
});

real('docker ps filters and formats as Docker does', async (t) => {
  const docker = daemon();
  await docker.ok('run', '-d', '--name', 'ps-web', '--label', 'tier=web', '-p', '127.0.0.1::80', 'busybox', 'sleep', '100000');
  await docker.ok('run', '--name', 'ps-done', '--label', 'tier=job', '--network', 'none', 'busybox', 'sh', '-c', 'exit 3').catch(() => undefined);
  await docker.ok('create', '--name', 'ps-new', '--label', 'tier=job', 'busybox', 'true');
  const names = async (...args: string[]) => (await docker.ok('ps', '--format', '{{.Names}}', '--filter', 'name=ps-', ...args)).split('\n').filter((name) => name !== '').toSorted();
  t.deepEqual(await names(), ['ps-web']);
  t.deepEqual(await names('-a'), ['ps-done', 'ps-new', 'ps-web']);
  t.deepEqual(await names('-a', '--filter', 'label=tier=job'), ['ps-done', 'ps-new']);
  t.deepEqual(await names('-a', '--filter', 'status=created'), ['ps-new']);
  t.deepEqual(await names('-a', '--filter', 'exited=3'), ['ps-done']);
  t.deepEqual(await names('-a', '--filter', 'before=ps-done'), ['ps-web']);
  t.deepEqual(await names('-a', '--filter', 'since=ps-done'), ['ps-new']);
  t.deepEqual(await names('-n', '1'), ['ps-new']);
  t.deepEqual(await names('-a', '--filter', 'ancestor=busybox', '--filter', 'network=none'), ['ps-done']);
  t.deepEqual(await names('-a', '--filter', 'publish=80'), []);
  t.deepEqual(await names('-a', '--filter', 'expose=80'), ['ps-web']);
  const line = (await docker.ok('ps', '-a', '--no-trunc', '--filter', 'name=ps-web', '--format', '{{.Image}}|{{.Command}}|{{.State}}|{{.Status}}|{{.Ports}}|{{.Labels}}|{{.Networks}}')).split('|');
  t.deepEqual([...line.slice(0, 3), ...line.slice(5)], ['busybox', '"sleep 100000"', 'running', 'tier=web', 'bridge']);
  t.regex(line[3] ?? '', /^Up (Less than a second|\d+ seconds?|About a minute|\d+ minutes)$/);
  t.regex(line[4] ?? '', /^127\.0\.0\.1:\d+->80\/tcp$/);
  t.regex(await docker.ok('ps', '-a', '--filter', 'name=ps-done', '--format', '{{.Status}}'), /^Exited \(3\) .* ago$/);
  const wrong = await docker.docker('ps', '--filter', 'nonsense=1');
  t.is(wrong.code, 1);
  t.true(wrong.stderr.includes('invalid filter'), wrong.stderr);
  await docker.ok('rm', '-f', 'ps-web', 'ps-done', 'ps-new');
});

real('wait answers at the end, at the next end, and at the removal', async (t) => {
  const docker = daemon();
  await docker.ok('create', '--name', 'awaited', '--network', 'none', 'busybox', 'sh', '-c', 'exit 9');
  const wait = (condition: string) => docker.request('POST', `/containers/awaited/wait?condition=${condition}`);
  t.is((await wait('not-running')).json<{ StatusCode: number }>().StatusCode, 0);
  const [next, removed] = [wait('next-exit'), wait('removed')];
  await eventually('it has ended', async () => {
    if ((await status('awaited')).startsWith('created')) await docker.ok('start', 'awaited');
    return (await status('awaited')) === 'exited 9';
  });
  await docker.ok('start', '-a', 'awaited').catch(() => undefined);
  t.is((await next).json<{ StatusCode: number }>().StatusCode, 9);
  t.is((await wait('not-running')).json<{ StatusCode: number }>().StatusCode, 9);
  await docker.ok('rm', 'awaited');
  t.is((await removed).json<{ StatusCode: number }>().StatusCode, 9);
  t.is((await wait('sometimes')).status, 400);
});

real('rm -v takes the volumes without a name along, and only those', async (t) => {
  const docker = daemon();
  await docker.ok('create', '--name', 'keeper', '--network', 'none', '-v', '/anonymous', '-v', 'named-volume:/named', 'busybox', 'true');
  const anonymous = await inspected('keeper', '{{range .Mounts}}{{if eq .Destination "/anonymous"}}{{.Name}}{{end}}{{end}}');
  await docker.ok('rm', '-v', 'keeper');
  const left = async () => (await docker.ok('volume', 'ls', '-q')).split('\n');
  await eventually('it was gone', async () => !(await left()).includes(anonymous));
  t.true((await left()).includes('named-volume'));
});
