// storm.test.ts: the daemon is killed at random moments under load, and nothing is lost, invented or left over
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { eventually, run, type Daemon } from '../_daemon.ts';
import { counted, historyOf, type Told } from './_history.ts';
import { sharedDaemon } from './_shared.ts';

const { real, daemon } = sharedDaemon();
/** By hand: `STORM=100`. */
const deaths = Number(process.env['STORM'] ?? 8);
const clients = 4;
/** Milliseconds of load before a death, at most. */
const longest = 2_000;

const chance = (below: number): number => Math.floor(Math.random() * below);

/** Each client works on its own names, so that what it is told can be held against what comes of it. */
const deeds: readonly ((name: string) => string[])[] = [
  (name) => ['run', '-d', '--name', name, '-p', '80', 'busybox', 'sleep', '100000'],
  (name) => ['run', '-d', '--name', name, '--network', 'none', 'busybox', 'sh', '-c', 'echo one; exit 3'],
  (name) => ['run', '-d', '--name', name, '--restart', 'always', '--network', 'none', 'busybox', 'sh', '-c', 'sleep 0.2; exit 4'],
  () => ['run', '--rm', 'busybox', 'echo', 'brief'],
  () => ['run', '-d', '--rm', '--network', 'none', 'busybox', 'true'],
  (name) => ['create', '--name', name, 'busybox', 'sleep', '100000'],
  (name) => ['start', name],
  (name) => ['stop', '-t', '0', name],
  (name) => ['restart', '-t', '0', name],
  (name) => ['kill', name],
  (name) => ['pause', name],
  (name) => ['unpause', name],
  (name) => ['rename', name, `${name}-renamed`],
  (name) => ['rm', '-f', `${name}-renamed`],
  (name) => ['rm', '-f', name],
];

async function client(docker: Daemon, number: number, over: AbortSignal): Promise<number> {
  let done = 0;
  while (!over.aborted) {
    const deed = deeds[chance(deeds.length)]!;
    const { code, stderr } = await docker.docker(...deed(`c${number}-${chance(2)}`));
    if (code === 0) done += 1;
    // There is no daemon at the moment.
    if (/annot connect|EOF|reset by peer|broken pipe/.test(stderr)) await pause(50);
  }
  return done;
}

interface Inspected {
  readonly Id: string;
}
interface Sight {
  readonly history: readonly Told[];
  /** What inspect says of those to which nothing happened while it was asked. */
  readonly still: ReadonlyMap<string, Inspected>;
}

async function look(docker: Daemon): Promise<Sight> {
  const before = counted(await historyOf(docker));
  const ids = (await docker.ok('ps', '-aq', '--no-trunc')).split('\n').filter((id) => id !== '');
  const { stdout } = ids.length > 0 ? await docker.docker('inspect', ...ids) : { stdout: '[]' };
  const history = await historyOf(docker);
  const after = counted(history);
  const inspected = JSON.parse(stdout) as Inspected[];
  return { history, still: new Map(inspected.filter(({ Id }) => before.get(Id) === after.get(Id)).map((each) => [each.Id, each])) };
}

/** What was told before is told again, first and in the same order; who was left alone since is as before. */
function compare(t: ExecutionContext, before: Sight, after: Sight, what: string): void {
  t.deepEqual(after.history.slice(0, before.history.length), before.history, `${what}: history`);
  const [counts, countsNow] = [counted(before.history), counted(after.history)];
  for (const [id, inspected] of before.still) {
    const now = after.still.get(id);
    if (now === undefined || counts.get(id) !== countsNow.get(id)) continue;
    t.deepEqual(now, inspected, `${what}: inspect`);
  }
}

/** Whether each thing told of a container may follow what was told before. */
function sound(t: ExecutionContext, history: readonly Told[]): Map<string, boolean> {
  const running = new Map<string, boolean>();
  for (const { Type, Action, Actor: { ID } } of history) {
    if (Type !== 'container') continue;
    const known = running.get(ID);
    if (Action === 'create') t.is(known, undefined, `${ID} was created twice`);
    else t.not(known, undefined, `${ID}: ${Action} before its creation or after its end`);
    if (Action === 'start') t.false(known, `${ID} was started while it ran`);
    if (Action === 'die') t.true(known, `${ID} died twice`);
    if (Action === 'destroy') running.delete(ID);
    else if (['create', 'start', 'die'].includes(Action)) running.set(ID, Action === 'start');
  }
  return running;
}

const entries = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);

/** What containerd and the host still have of containers. */
async function leftovers(docker: Daemon): Promise<string[]> {
  const { exec, data } = docker.roots;
  const socket = join(exec, 'containerd', 'containerd.sock');
  const names = (await run('ctr', ['-a', socket, 'namespaces', 'ls', '-q'])).stdout.split('\n').filter((name) => name !== '');
  const found: string[] = [];
  for (const name of names) {
    const list = async (...what: string[]) => (await run('ctr', ['-a', socket, '-n', name, ...what])).stdout.split('\n').filter((line) => line !== '');
    found.push(...(await list('tasks', 'ls', '-q')).map((id) => `task ${id}`), ...(await list('containers', 'ls', '-q')).map((id) => `record ${id}`));
    found.push(...(await list('snapshots', 'ls')).filter((line) => line.includes('Active')).map((line) => `snapshot ${line}`));
    found.push(...(await list('leases', 'ls', '-q')).map((id) => `lease ${id}`));
  }
  found.push(...entries(join(exec, 'network', 'sandboxes')).map((name) => `sandbox ${name}`));
  found.push(...entries(join(data, 'containers')).map((name) => `folder ${name}`));
  const network = JSON.parse(await docker.ok('network', 'inspect', 'bridge')) as [{ Containers: object }];
  found.push(...Object.keys(network[0].Containers).map((id) => `address of ${id}`));
  return found;
}

real(`${deaths} deaths at random moments under load lose nothing, invent nothing and leave nothing over`, async (t) => {
  t.timeout(60_000 * (deaths + 5));
  const docker = daemon();
  await docker.ok('run', '-d', '--name', 'steady', 'busybox', 'sh', '-c', 'i=0; while true; do i=$((i+1)); echo "$i"; sleep 0.05; done');
  const steady = await docker.ok('inspect', '-f', '{{.State.Pid}} {{.State.StartedAt}}', 'steady');
  const over = new AbortController();
  const load = Promise.all(Array.from({ length: clients }, (_, number) => client(docker, number, over.signal)));
  let told = 0;
  try {
    for (let death = 1; death <= deaths; death += 1) {
      await pause(chance(longest));
      const before = await look(docker);
      await pause(chance(longest / 4));
      await docker.restart('SIGKILL');
      const after = await look(docker);
      compare(t, before, after, `death ${death}`);
      t.is(await docker.ok('inspect', '-f', '{{.State.Pid}} {{.State.StartedAt}}', 'steady'), steady);
      told = after.history.length;
    }
  } finally {
    over.abort();
  }
  const done = (await load).reduce((sum, each) => sum + each, 0);
  await eventually('what was under way has settled', async () => !(await docker.ok('ps', '-a', '--format', '{{.Status}}')).match(/Removal|Dead/));

  const lines = (await docker.ok('logs', 'steady')).split('\n');
  t.deepEqual(lines, lines.map((_, index) => String(index + 1)), 'no line of it was lost');

  const ids = (await docker.ok('ps', '-aq', '--no-trunc')).split('\n');
  const alive = await eventually('the list is what the history says', async () => {
    const running = sound(t, await historyOf(docker));
    const listed = (await docker.ok('ps', '-aq', '--no-trunc')).split('\n').toSorted();
    return JSON.stringify([...running.keys()].toSorted()) === JSON.stringify(listed) ? running : null;
  });
  t.true(alive.size > 0);
  await docker.ok('rm', '-f', ...ids);
  await eventually('nothing was left', async () => {
    const left = await leftovers(docker);
    t.log(left);
    return left.length === 0;
  });
  t.log(`${deaths} deaths, ${done} commands done, ${told} events told`);
});
