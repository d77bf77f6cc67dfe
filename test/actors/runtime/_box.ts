// _box.ts: a runtime of its own for a test: own roots, own containerd, a small image, FIFOs that are read
import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { constants, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync, copyFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { manageContainerd, type ManagedContainerd } from '../../../actors/containerd/child.ts';
import { connect, type Containerd } from '../../../actors/containerd/client.ts';
import { namespace, rootLabel, snapshotter } from '../../../actors/containerd/names.ts';
import { linuxRuntime, type LinuxRuntime, type LinuxRuntimeOptions } from '../../../actors/runtime/runtime.ts';
import { makeFifo } from '../../../actors/stdio/fifo.ts';
import type { Clock, Random, Run } from '../../../actors/world.ts';
import { exampleSpec } from '../../../events/container.ts';
import { exampleImage, type ImageRecord } from '../../../events/image.ts';
import type { ContainerConfig, ContainerSpec, HostConfig } from '../../../events/spec.ts';

const works = (command: string, ...given: string[]): boolean => {
  try {
    execFileSync(command, given, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Why real containers cannot be run here; null when they can. */
export const missing: string | null =
  process.platform !== 'linux' ? 'needs Linux'
  : process.getuid?.() !== 0 ? 'needs root'
  : !works('containerd', '--version') ? 'needs containerd'
  : !works('runc', '--version') ? 'needs runc'
  : !existsSync('/bin/busybox') ? 'needs busybox-static'
  : null;

export const clock: Clock = {
  now: () => BigInt(Date.now()) * 1_000_000n,
  until: async () => {},
};
export const random: Random = {
  hex: (bytes) => randomBytes(bytes).toString('hex'),
  uuid: () => randomUUID(),
  integer: (below) => Math.floor(Math.random() * below),
};

export interface Box {
  readonly root: string;
  readonly managed: ManagedContainerd;
  readonly containerd: Containerd;
  readonly runtime: LinuxRuntime;
  readonly image: ImageRecord;
  /** What reads the FIFOs. */
  readonly readers: Socket[];
  /** Another daemon's worth of runtime over the same roots. */
  again(options?: Partial<LinuxRuntimeOptions>): LinuxRuntime;
}

/** Everything that it makes goes with the test, also when that fails. */
export async function box(t: ExecutionContext, options: Partial<LinuxRuntimeOptions> = {}): Promise<Box> {
  const root = mkdtempSync(join(tmpdir(), 'tallyd-box-'));
  const [dataRoot, execRoot] = [join(root, 'data'), join(root, 'run')];
  t.teardown(() => cleanUp(root));
  const managed = await manageContainerd({ dataRoot, execRoot });
  const containerd = connect(managed.address, namespace);
  const again = (more: Partial<LinuxRuntimeOptions> = {}): LinuxRuntime =>
    linuxRuntime({ containerd, dataRoot, execRoot, clock, random, cgroupParent: `/${basename(root)}`, ...options, ...more });
  const runtime = again();
  t.teardown(async () => {
    for (const { id } of await runtime.tasks().catch(() => [])) await runtime.remove(id).catch(() => {});
    for (const reader of readers) reader.destroy();
    runtime.close();
    containerd.close();
    await managed.shutDown();
  });
  const readers: Socket[] = [];
  const image = await busybox(containerd);
  return { readers, root, managed, containerd, runtime, image, again };
}

/** Whatever a failed test left: its containers by their cgroup, containerd and shims by their command lines, mounts, files. */
function cleanUp(root: string): void {
  const groups = readdirSync('/sys/fs/cgroup').map((controller) => join('/sys/fs/cgroup', controller, basename(root))).concat(join('/sys/fs/cgroup', basename(root)));
  const inside = groups.filter((group) => existsSync(group)).flatMap((group) => readdirSync(group, { withFileTypes: true })
    .filter((entry) => entry.isDirectory()).map((entry) => join(group, entry.name)));
  const left = inside.flatMap((group) => readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter((pid) => pid !== ''));
  const helpers = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(`${root}/`));
  for (const pid of new Set([...left, ...helpers])) works('kill', '-9', pid);
  for (const group of [...inside, ...groups]) works('rmdir', group);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((line) => line.split(' ')[4] ?? '');
  for (const path of mounts.filter((point) => point.startsWith(`${root}/`)).reverse()) works('umount', '-l', path);
  rmSync(root, { recursive: true, force: true });
}

const commandLine = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
};

async function busybox(containerd: Containerd): Promise<ImageRecord> {
  const chainId = `sha256:${random.hex(32)}`;
  const { mounts } = await containerd.call('Snapshots.Prepare', { snapshotter, key: 'making', labels: { [rootLabel]: 'now' } });
  const root = mounts[0]?.source ?? '';
  for (const folder of ['bin', 'etc', 'root', 'tmp', 'var/www', 'opt']) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  for (const name of ['sh', 'sleep', 'cat', 'echo', 'id', 'ls', 'true', 'false', 'kill', 'env', 'pwd', 'hostname', 'stat', 'head', 'seq', 'mount', 'stty', 'touch', 'readlink', 'ps']) {
    symlinkSync('busybox', join(root, 'bin', name));
  }
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nwheel:x:10:root\nwww-data:x:33:\nvideo:x:44:www-data\n');
  writeFileSync(join(root, 'etc/notes'), 'not a program\n', { mode: 0o644 });
  await containerd.call('Snapshots.Commit', { snapshotter, name: chainId, key: 'making', labels: { [rootLabel]: 'now' } });
  return { ...exampleImage, chainId };
}

export interface Wish {
  readonly command?: string[];
  readonly config?: Partial<ContainerConfig>;
  readonly hostConfig?: Partial<HostConfig>;
  readonly more?: Partial<Run>;
  readonly mounts?: ContainerSpec['mounts'];
}

/** A run as the effect that starts a container would give it, its output read. */
export interface Started {
  readonly run: Run;
  /** All that was written to standard output and error, when the process has ended. */
  output(): Promise<string>;
}

export const specOf = ({ command = ['true'], config = {}, hostConfig = {}, mounts = [] }: Wish): ContainerSpec => ({
  ...exampleSpec,
  config: { ...exampleSpec.config, Env: [], Cmd: command, WorkingDir: '', ...config },
  hostConfig: { ...exampleSpec.hostConfig, NetworkMode: 'host', ...hostConfig },
  mounts,
});

export function runOf({ root, image, readers }: Pick<Box, 'root' | 'image' | 'readers'>, wish: Wish): Started {
  const id = random.hex(32);
  const folder = join(root, 'fifos', id);
  mkdirSync(folder, { recursive: true });
  const tty = wish.config?.Tty ?? false;
  const names = tty ? ['stdout'] : ['stdout', 'stderr'];
  const outputs = names.map((name) => reader(join(folder, name), readers));
  const run: Run = {
    id, name: 'web', spec: specOf(wish), image, networkNamespace: null, volumePaths: {}, hosts: [], dns: null, join: {},
    stdio: { stdin: '', stdout: join(folder, 'stdout'), stderr: tty ? '' : join(folder, 'stderr') },
    ...wish.more,
  };
  return { run, output: async () => (await Promise.all(outputs.map((read) => read()))).join('') };
}

/** A socket sees the end of a FIFO only when something has written to it: so it is made when the task is there. */
function reader(path: string, readers: Socket[]): () => Promise<string> {
  makeFifo(path, 0o600);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return async () => {
    const socket = new Socket({ fd, readable: true, writable: false });
    readers.push(socket);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    return text;
  };
}

/** Prepares, creates and starts. */
export async function started({ runtime, image }: Box, { run }: Started): Promise<void> {
  await runtime.prepare(run.id, run.spec, image);
  await runtime.createTask(run);
  await runtime.startTask(run.id);
}

/** Runs to the end: exit code and output. */
export async function ran(boxed: Box, wish: Wish): Promise<{ exitCode: number | undefined; output: string; id: string }> {
  const start = runOf(boxed, wish);
  await started(boxed, start);
  const output = start.output();
  const exit = await boxed.runtime.exit(start.run.id, new AbortController().signal);
  return { exitCode: exit?.exitCode, output: await output, id: start.run.id };
}

/** Awaits a condition with a limit that no machine is too slow for. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (await holds()) return;
    await pause(50);
  }
  throw new Error(`waited in vain until ${what}`);
}

export const never = (): AbortSignal => new AbortController().signal;
