// child.ts: the daemon's own containerd: started when there is none, found again, started again when it dies
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { WorldFailure } from '../world.ts';

/** All milliseconds. */
const times = {
  /** Between two tries to reach its socket. */
  knock: 10,
  /** It answers after 50 on a quiet machine; a loaded one may take very long to replay its database. */
  start: 60_000,
  /** Between two looks whether it lives. */
  look: 200,
  /** Before a start after one that failed at once. */
  again: 1000,
  /** For an orderly end, before it is killed. */
  end: 15_000,
};

/** Half a kilobyte for each container; an older log than the last one is not kept. */
const longestLogBytes = 16 * 1024 * 1024;

export interface Roots {
  /** Layers and content; survives a boot. */
  readonly dataRoot: string;
  /** Socket, state of running containers; need not survive a boot. */
  readonly execRoot: string;
}

export interface ManagedContainerd {
  /** Path of its socket. */
  readonly address: string;
  readonly pid: () => number | null;
  /** Stops watching over it and leaves it running. */
  close(): void;
  /** Ends it. Containers go on without it. */
  shutDown(): Promise<void>;
}

/** Resolves when it answers. Rejects with `runtimeDown` when it cannot be started. */
export async function manageContainerd(roots: Roots): Promise<ManagedContainerd> {
  const paths = pathsOf(roots);
  const closing = new AbortController();
  const ensure = async (): Promise<void> => {
    const pid = livingPid(paths) ?? (closing.signal.aborted ? null : start(paths));
    if (pid !== null) await answering(paths, pid);
  };
  await ensure();
  void watchOver();

  async function watchOver(): Promise<void> {
    while (!closing.signal.aborted) {
      await pause(times.look, undefined, { ref: false });
      if (closing.signal.aborted || livingPid(paths) !== null) continue;
      // Its own log tells why; what matters here is to try again.
      await ensure().catch(() => pause(times.again, undefined, { ref: false }));
    }
  }

  return {
    address: paths.socket,
    pid: () => livingPid(paths),
    close: () => closing.abort(),
    shutDown: async () => {
      closing.abort();
      await end(paths);
    },
  };
}

type Paths = ReturnType<typeof pathsOf>;
const pathsOf = ({ dataRoot, execRoot }: Roots) => {
  const folder = join(execRoot, 'containerd');
  return {
    folder,
    root: join(dataRoot, 'containerd'),
    state: join(folder, 'state'),
    socket: join(folder, 'containerd.sock'),
    config: join(folder, 'containerd.toml'),
    pidFile: join(folder, 'containerd.pid'),
    log: join(folder, 'containerd.log'),
  };
};

/** Neither needed nor wanted: each would cost start-up time or open something to the outside. */
const unwanted = [
  'grpc.v1.cri', 'cri.v1.images', 'cri.v1.runtime', 'nri.v1.nri', 'internal.v1.opt', 'internal.v1.restart', 'internal.v1.tracing',
  'tracing.processor.v1.otlp', 'snapshotter.v1.aufs', 'snapshotter.v1.blockfile', 'snapshotter.v1.btrfs', 'snapshotter.v1.devmapper',
  'snapshotter.v1.zfs',
].map((name) => `io.containerd.${name}`);

const configOf = (paths: Paths): string => `version = 2
root = ${JSON.stringify(paths.root)}
state = ${JSON.stringify(paths.state)}
disabled_plugins = ${JSON.stringify(unwanted)}
[grpc]
  address = ${JSON.stringify(paths.socket)}
[ttrpc]
  address = ${JSON.stringify(`${paths.socket}.ttrpc`)}
`;

function start(paths: Paths): number {
  mkdirSync(paths.folder, { recursive: true, mode: 0o711 });
  mkdirSync(paths.root, { recursive: true, mode: 0o711 });
  writeFileSync(paths.config, configOf(paths));
  // A socket of a dead one would be knocked at in vain.
  rmSync(paths.socket, { force: true });
  if ((statSync(paths.log, { throwIfNoEntry: false })?.size ?? 0) > longestLogBytes) renameSync(paths.log, `${paths.log}.1`);
  const log = openSync(paths.log, 'a');
  try {
    // A session of its own: no signal to the daemon's group reaches it, and it lives on without the daemon.
    const child = spawn('containerd', ['--config', paths.config, '--log-level', 'warn'], { detached: true, stdio: ['ignore', log, log], cwd: '/' });
    child.on('error', () => {});
    child.unref();
    if (child.pid === undefined) throw new WorldFailure('runtimeDown', 'containerd cannot be started: is it installed?');
    writeFileSync(paths.pidFile, `${child.pid}\n`);
    return child.pid;
  } finally {
    closeSync(log);
  }
}

/** The pid in the pid file, if it still is this daemon's containerd. */
function livingPid(paths: Paths): number | null {
  const pid = existsSync(paths.pidFile) ? Number(readFileSync(paths.pidFile, 'utf8')) : 0;
  return pid > 0 && isOurs(pid, paths) ? pid : null;
}

function isOurs(pid: number, paths: Paths): boolean {
  try {
    // A number may have gone to another process; one that has ended but was not waited for has no command line.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(paths.config);
  } catch {
    return false;
  }
}

async function answering(paths: Paths, pid: number): Promise<void> {
  for (let waited = 0; waited < times.start; waited += times.knock) {
    if (await accepts(paths.socket)) return;
    // Between fork and exec the command line is still the daemon's own.
    if (!existsSync(`/proc/${pid}`) || isEnded(pid)) throw new WorldFailure('runtimeDown', `containerd ended: ${lastLine(paths.log)}`);
    await pause(times.knock);
  }
  throw new WorldFailure('runtimeDown', `containerd does not answer at ${paths.socket}`);
}

const isEnded = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.startsWith('Z') ?? true;
  } catch {
    return true;
  }
};

const lastLine = (log: string): string => (existsSync(log) ? (readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) ?? '') : '');

const accepts = (socket: string): Promise<boolean> =>
  new Promise((resolve) => {
    const connection = dial(socket);
    connection.once('connect', () => resolve(true)).once('error', () => resolve(false));
    connection.once('connect', () => connection.destroy());
  });

async function end(paths: Paths): Promise<void> {
  const pid = livingPid(paths);
  if (pid === null) return;
  signal(pid, 'SIGTERM');
  for (let waited = 0; livingPid(paths) !== null; waited += times.knock) {
    if (waited >= times.end) signal(pid, 'SIGKILL');
    await pause(times.knock);
  }
  rmSync(paths.pidFile, { force: true });
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself.
  }
}
