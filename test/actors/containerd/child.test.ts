// child.test.ts: the daemon's own containerd
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import anyTest from 'ava';
import { manageContainerd } from '../../../actors/containerd/child.ts';
import { connect, isDown } from '../../../actors/containerd/client.ts';
import { WorldFailure } from '../../../actors/world.ts';
import { box, missing, never, ran, runOf, started, until } from '../runtime/_box.ts';

const test = missing ? anyTest.skip : anyTest.serial;
if (missing) anyTest(`the own containerd is not tested here: ${missing}`, (t) => t.pass());

anyTest('a containerd that is not there is told as a runtime that is down', async (t) => {
  const containerd = connect('/no/such/containerd.sock', 'test');
  t.teardown(() => containerd.close());
  const error = await t.throwsAsync(containerd.call('Version.Version', {}), { instanceOf: WorldFailure });
  t.true(isDown(error));
  t.is(error.failure.reason, 'runtimeDown');
});

test('a second daemon on the same roots finds the containerd of the first', async (t) => {
  const { root, managed } = await box(t);
  const pid = managed.pid();
  managed.close();
  const second = await manageContainerd({ dataRoot: join(root, 'data'), execRoot: join(root, 'run') });
  t.teardown(() => second.shutDown());
  t.is(second.pid(), pid);
  t.is(second.address, managed.address);
});

test('it is started again when it dies, and stays away when it is shut down', async (t) => {
  const { managed, runtime } = await box(t);
  const reconnected = new Promise<void>((resolve) => runtime.onReconnect(resolve));
  await until('the runtime is up', () => runtime.up);
  const pid = managed.pid() ?? 0;
  process.kill(pid, 'SIGKILL');
  await reconnected;
  t.true(runtime.up);
  t.not(managed.pid(), pid);
  t.deepEqual(await runtime.tasks(), []);
  await managed.shutDown();
  t.is(managed.pid(), null);
  await until('it is gone', () => !runtime.up);
  const error = await t.throwsAsync(runtime.tasks(), { instanceOf: WorldFailure });
  t.is(error.failure.reason, 'runtimeDown');
});

test('a container outlives its containerd, and its exit is told by the next one', async (t) => {
  const boxed = await box(t);
  const { runtime, managed } = boxed;
  const start = runOf(boxed, { command: ['sh', '-c', 'while [ ! -e /go ]; do sleep 0.1; done; exit 7'] });
  await started(boxed, start);
  const { id } = start.run;
  const before = await runtime.tasks();
  const exit = runtime.exit(id, never());
  await killAndAwait(boxed);
  t.deepEqual(await runtime.tasks(), before);
  t.is((await runtime.execs.probe(id, { Test: ['CMD', 'touch', '/go'] }, start.run.spec, never())).exitCode, 0);
  t.is((await exit)?.exitCode, 7);
  await runtime.release(id);
  t.truthy(managed.pid());
});

test('an exit while containerd is away is not lost', async (t) => {
  const boxed = await box(t);
  const { runtime, managed } = boxed;
  const start = runOf(boxed, { command: ['sleep', '1000'] });
  await started(boxed, start);
  const pid = (await runtime.tasks())[0]?.pid ?? 0;
  const exit = runtime.exit(start.run.id, never());
  const reconnected = new Promise<void>((resolve) => runtime.onReconnect(resolve));
  // Stopped, it cannot be told of the exit; killed, it never is.
  const daemon = managed.pid() ?? 0;
  process.kill(daemon, 'SIGSTOP');
  process.kill(pid, 'SIGKILL');
  await until('the process is gone', () => stateOf(pid) === null || stateOf(pid) === 'Z');
  process.kill(daemon, 'SIGKILL');
  await reconnected;
  t.is((await exit)?.exitCode, 137);
});

test('a second daemon finds the containers of the first, their exits and their files', async (t) => {
  const boxed = await box(t);
  const start = runOf(boxed, { command: ['sleep', '1000'] });
  await started(boxed, start);
  const ended = await ran(boxed, { command: ['sh', '-c', 'exit 5'] });
  boxed.runtime.close();
  const second = boxed.again();
  t.teardown(() => second.close());
  t.is((await second.tasks()).length, 2);
  t.is((await second.exit(ended.id, never()))?.exitCode, 5);
  t.is((await second.createTask(start.run)).state, 'running');
  await second.signal(start.run.id, 'TERM');
  await second.signal(start.run.id, 'KILL');
  t.is((await second.exit(start.run.id, never()))?.exitCode, 137);
  t.true(second.lastAlive() > 0n);
});

async function killAndAwait({ runtime, managed }: Awaited<ReturnType<typeof box>>): Promise<void> {
  await until('the runtime is up', () => runtime.up);
  const reconnected = new Promise<void>((resolve) => runtime.onReconnect(resolve));
  process.kill(managed.pid() ?? 0, 'SIGKILL');
  await reconnected;
}

function stateOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.[0] ?? null;
  } catch {
    return null;
  }
}
