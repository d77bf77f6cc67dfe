// simulated.ts: the whole daemon without root, containerd or network, under a virtual clock and a seed
import { PassThrough, Readable, type Duplex } from 'node:stream';
import type { ImageRecord } from '../../events/image.ts';
import { rfc3339 } from '../../events/time.ts';
import { WorldFailure, type Execs, type Figures, type HostInfo, type Images, type LogLine, type Networks, type Runtime, type Stdio, type Volumes, type World } from '../world.ts';
import { endTask, runTask, simulatedMachine, type Machine, type MachineOptions, type SimulatedTask } from './simulated/machine.ts';
import { commandOf, deadly, exitCodeOf, script } from './simulated/process.ts';

/**
 * Faults that this world has when a test asks for them: containerd away (`machine.up`), a daemon that dies before or
 * after any call of a door (the caller wraps the doors), tasks that vanish (`machine.tasks.delete`), commands that are
 * not there, ports and addresses in use. Faults that it never has: a door that half does what it says, lost writes
 * below a door, time that runs backwards.
 */
export function simulatedWorld(options: MachineOptions & { machine?: Machine } = {}): World & { readonly machine: Machine } {
  const machine = options.machine ?? simulatedMachine(options);
  return {
    machine,
    clock: machine.clock,
    random: machine.random,
    runtime: runtime(machine),
    stdio: stdio(machine),
    networks: networks(machine),
    images: images(machine),
    volumes: volumes(machine),
    host: {
      info: async () => hostInfo,
      exists: async (path) => machine.folders.has(path),
      makeFolder: async (path) => void machine.folders.add(path),
    },
    close: async () => undefined,
    shutDown: async () => undefined,
  };
}

const missing = (id: string) => new WorldFailure('other', `no such task: ${id}`);

/** Resolves when `found` gives something; looks again at each change of a task. */
function when<T>(machine: Machine, found: () => T | undefined, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const value = found();
      if (value === undefined) return;
      stop();
      resolve(value);
    };
    const abort = () => {
      stop();
      reject(signal.reason);
    };
    const stop = () => {
      machine.watchers.delete(look);
      signal.removeEventListener('abort', abort);
    };
    if (signal.aborted) return reject(signal.reason);
    machine.watchers.add(look);
    signal.addEventListener('abort', abort);
    look();
  });
}

function newTask(machine: Machine, command: readonly string[]): SimulatedTask {
  const does = script(command);
  if (!does) {
    const message = `failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "${command[0] ?? ''}": executable file not found in $PATH: unknown`;
    throw new WorldFailure('commandNotFound', message, 127);
  }
  return { pid: machine.nextPid++, state: 'created', endsAt: does.lasts, exitCode: does.exitCode, exit: null, output: does.output, signals: [] };
}

/** `endsAt` is a duration until the task starts. */
function startTask(machine: Machine, task: SimulatedTask): void {
  if (task.state !== 'created') return;
  task.state = 'running';
  if (task.endsAt !== null) task.endsAt += machine.clock.now();
  runTask(machine, task);
}

function runtime(machine: Machine): Runtime {
  const alive = (id: string) => {
    if (!machine.up) throw new WorldFailure('runtimeDown', 'containerd does not answer: it is being started again');
    const task = machine.tasks.get(id);
    if (!task) throw missing(id);
    return task;
  };
  return {
    prepare: async (id, _spec, image) => void machine.layers.set(id, image.id),
    createTask: async ({ id, spec }) => {
      if (!machine.up) throw new WorldFailure('runtimeDown', 'containerd does not answer: it is being started again');
      const known = machine.tasks.get(id);
      if (known && known.state !== 'stopped') return { id, pid: known.pid, state: known.state };
      const task = newTask(machine, commandOf(spec));
      machine.tasks.set(id, task);
      return { id, pid: task.pid, state: task.state };
    },
    startTask: async (id) => {
      const task = alive(id);
      if (task.state === 'created') print(machine, id, task.output);
      startTask(machine, task);
    },
    exit: (id, signal) =>
      when(machine, () => {
        const task = machine.tasks.get(id);
        return task ? (task.exit ?? undefined) : null;
      }, signal),
    signal: async (id, signal) => {
      const task = alive(id);
      task.signals.push(signal);
      if (deadly(signal) && (task.state === 'running' || signal === 'SIGKILL')) endTask(machine, task, exitCodeOf(signal));
    },
    pause: async (id) => void (alive(id).state === 'running' && (alive(id).state = 'paused')),
    resume: async (id) => void (alive(id).state === 'paused' && (alive(id).state = 'running')),
    update: async () => undefined,
    resize: async () => undefined,
    release: async (id) => {
      const task = machine.tasks.get(id);
      if (task) endTask(machine, task, 137);
      machine.tasks.delete(id);
    },
    remove: async (id) => {
      machine.tasks.delete(id);
      machine.layers.delete(id);
    },
    tasks: async () => [...machine.tasks].map(([id, { pid, state }]) => ({ id, pid, state })),
    usage: async () => 0,
    figures: async (id) => (machine.tasks.get(id)?.state === 'running' ? figures(machine) : null),
    processes: async (id) => ({ titles: ['UID', 'PID', 'CMD'], rows: [['root', String(alive(id).pid), 'simulated']] }),
    changes: async () => [{ path: '/tmp', kind: 'modified' }, { path: '/tmp/simulated', kind: 'added' }],
    containers: async () => [...machine.layers.keys()],
    execs: execs(machine),
    lastAlive: () => machine.clock.now(),
    onOutOfMemory: () => undefined,
    get up() {
      return machine.up;
    },
    onReconnect: () => undefined,
    runtimes: { runc: { path: 'runc' } },
  };
}

/** A tenth of one processor, at any time. */
function figures(machine: Machine): Figures {
  const nanos = Number(machine.clock.now() % 1_000_000_000_000_000n);
  return {
    version: '2', machineNanos: nanos * 2, onlineCpus: 2, networks: {},
    cpu: { totalNanos: nanos / 10, userNanos: nanos / 20, kernelNanos: nanos / 20, eachNanos: null, periods: 0, throttledPeriods: 0, throttledNanos: 0 },
    memory: { usage: 1_000_000, most: null, limit: 2 ** 31, failures: 0, details: { inactive_file: 0 } }, pids: { current: 1, limit: null }, blocks: [],
  };
}

function execs(machine: Machine): Execs {
  return {
    start: async (_id, execId, spec) => {
      const task = machine.execs.get(execId) ?? newTask(machine, spec.command);
      machine.execs.set(execId, task);
      startTask(machine, task);
      const stream = new PassThrough();
      stream.end(spec.tty ? task.output : framed(task.output, 1));
      return { pid: task.pid, stream };
    },
    exit: (_id, execId, signal) =>
      when(machine, () => {
        const task = machine.execs.get(execId);
        return task ? (task.exit ?? undefined) : null;
      }, signal),
    remove: async (_id, execId) => void machine.execs.delete(execId),
    probe: async (_id, check) => {
      const does = script(check.Test?.[0] === 'CMD-SHELL' ? ['sh', '-c', check.Test[1] ?? ''] : (check.Test ?? []).slice(1));
      return { exitCode: does?.exitCode ?? 127, output: does?.output ?? 'not found' };
    },
  };
}

function framed(text: string, stream: number): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(body.length, 4);
  return body.length === 0 ? body : Buffer.concat([head, body]);
}

function print(machine: Machine, id: string, output: string): void {
  const lines = machine.logs.get(id) ?? [];
  machine.logs.set(id, lines);
  for (const line of output.split(/(?<=\n)/)) {
    if (line !== '') lines.push({ stream: 'stdout', time: rfc3339(machine.clock.now()), line: Buffer.from(line) });
  }
}

function stdio(machine: Machine): Stdio {
  return {
    open: async () => ({ stdin: '', stdout: '', stderr: '' }),
    attach: async (id) => attachment(machine, id),
    drained: async () => undefined,
    async *logs(id, _spec, query, signal) {
      const nanos = (line: LogLine) => BigInt(Date.parse(line.time)) * 1_000_000n;
      const lines = (machine.logs.get(id) ?? []).filter(
        (line) => (line.stream === 'stdout' ? query.stdout : query.stderr) && (query.since === null || nanos(line) >= query.since) && (query.until === null || nanos(line) < query.until),
      );
      yield query.tail === null ? lines : lines.slice(lines.length - query.tail < 0 ? 0 : lines.length - query.tail);
      if (query.follow) await when(machine, () => (machine.tasks.get(id)?.state === 'running' ? undefined : true), signal).catch(() => undefined);
    },
    logPath: (id) => `/simulated/${id}-json.log`,
    remove: async (id) => void machine.logs.delete(id),
    check: ({ Type }) => (['json-file', 'local', 'none'].includes(Type) ? null : `logger: no log driver named '${Type}' is registered`),
  };
}

/** Gives what the run prints from now on, and ends with the run. */
function attachment(machine: Machine, id: string): Duplex {
  const seen = machine.logs.get(id)?.length ?? 0;
  const stream = new PassThrough();
  const ended = new AbortController();
  stream.on('close', () => ended.abort());
  void when(machine, () => (machine.tasks.get(id)?.exit || undefined) && true, ended.signal).then(
    () => {
      for (const line of (machine.logs.get(id) ?? []).slice(seen)) stream.write(framed(line.line.toString(), 1));
      stream.end();
    },
    () => undefined,
  );
  return stream;
}

function networks(machine: Machine): Networks {
  return {
    propose: async (taken) => {
      const second = 17 + taken.filter(({ driver }) => driver === 'bridge').length;
      return { bridge: `sim${second}`, subnet: `172.${second}.0.0/16`, gateway: `172.${second}.0.1` };
    },
    ensure: async (network) => void machine.bridges.set(network.id, network.bridge),
    remove: async (network) => void machine.bridges.delete(network.id),
    resolver: () => null,
    openSandbox: async (id) => {
      if (!machine.sandboxes.has(id)) machine.sandboxes.set(id, { addresses: [], ports: {} });
      return `/simulated/netns/${id}`;
    },
    attach: async (id, name, _network, endpoint, publish) => {
      const sandbox = machine.sandboxes.get(id);
      if (!sandbox) throw new WorldFailure('other', `no sandbox ${id}`);
      if (!sandbox.addresses.includes(endpoint.address)) sandbox.addresses.push(endpoint.address);
      for (const { containerPort, protocol, bindings } of publish) {
        sandbox.ports[`${containerPort}/${protocol}`] ??= bindings.map(({ HostIp, HostPort }) => {
          const port = HostPort.split('-')[0] || String(32768 + machine.random.integer(1000));
          const taken = [...machine.sandboxes].some(([other, { ports }]) => other !== id && Object.values(ports).some((list) => list?.some((each) => each.HostPort === port)));
          if (taken) throw new WorldFailure('portInUse', `driver failed programming external connectivity on endpoint ${name} (${endpoint.endpointId}): Bind for 0.0.0.0:${port} failed: port is already allocated`);
          return { HostIp: HostIp || '0.0.0.0', HostPort: port };
        });
      }
      return sandbox.ports;
    },
    closeSandbox: async (id) => void machine.sandboxes.delete(id),
    sandboxes: async () => [...machine.sandboxes.keys()],
  };
}

function imageOf(machine: Machine, config: Omit<ImageRecord['config'], 'rootfs'>): ImageRecord {
  const diffId = `sha256:${machine.random.hex(32)}`;
  const image: ImageRecord = {
    id: `sha256:${machine.random.hex(32)}`, config: { ...config, rootfs: { type: 'layers', diff_ids: [diffId] } }, manifest: `sha256:${machine.random.hex(32)}`,
    size: 1_000_000, layerSizes: [1_000_000], chainId: diffId,
  };
  machine.images.set(image.id, image);
  return image;
}

async function drain(tar: Readable): Promise<void> {
  for await (const _ of tar);
}

function images(machine: Machine): Images {
  const plain = { architecture: 'amd64', os: 'linux', config: { Cmd: ['sh'], Env: ['PATH=/bin'] } };
  return {
    importLayer: async (tar, config) => {
      await drain(tar);
      return imageOf(machine, config);
    },
    load: async (tar, progress) => {
      await drain(tar);
      progress({ stream: 'Loaded image: busybox:latest\n' });
      return [{ image: imageOf(machine, plain), references: ['docker.io/library/busybox:latest'] }];
    },
    save: async () => Readable.from([Buffer.alloc(1024)]),
    pull: async (reference, _platform, _credentials, progress) => {
      if (reference.includes('/missing')) throw new WorldFailure('imageMissing', `pull access denied for ${reference}, repository does not exist or may require 'docker login'`);
      progress({ status: `Pulling from ${reference}`, id: 'latest' });
      return { image: imageOf(machine, plain), digest: `sha256:${machine.random.hex(32)}` };
    },
    tags: async () => ['latest'],
    push: async (image) => ({ digest: image.manifest, size: 1000 }),
    commit: async (_id, parent, config) => imageOf(machine, { ...parent.config, ...config }),
    remove: async (image) => void machine.images.delete(image.id),
    held: async () => [...machine.images.keys()],
  };
}

function volumes(machine: Machine): Volumes {
  const path = ({ name }: { name: string }) => `/simulated/volumes/${name}/_data`;
  return {
    create: async ({ name }) => void machine.volumes.add(name),
    mount: async (volume) => path(volume),
    unmount: async () => undefined,
    remove: async ({ name }) => void machine.volumes.delete(name),
    path,
    copyUp: async () => undefined,
    usage: async () => 0,
  };
}

const hostInfo: HostInfo = {
  kernel: '6.1.0-simulated', operatingSystem: 'Simulated Linux', osVersion: '1', machine: 'x86_64', architecture: 'amd64', cpus: 2, memory: 2 ** 31, hostname: 'simulated',
  cgroupVersion: '2', cgroupDriver: 'cgroupfs', securityOptions: ['name=seccomp,profile=builtin'], containerdVersion: 'simulated', containerdRevision: '', runcVersion: 'simulated',
  limits: { memory: true, swap: true, cpuCfs: true, cpuShares: true, cpuset: true, pids: true, oomKillDisable: false, ipv4Forwarding: true }, warnings: [],
};
