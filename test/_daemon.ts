// _daemon.ts: a whole daemon of its own for a test: own roots, own socket, own everything, and nothing left behind
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, lstatSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { instanceOf } from '../actors/network/names.ts';
import { linuxNetworks } from '../actors/network/networks.ts';
import { busyboxTar } from './_image.ts';

/** Milliseconds: how long anything may take on a machine that is busy with something else. */
const patience = 120_000;
const house = dirname(import.meta.dirname);

const inPath = (name: string) => `${process.env['PATH']}:/usr/sbin:/sbin`.split(':').some((folder) => existsSync(join(folder, name)));
/** Why there can be no real containers here; null when there can. */
export const missing: string | null =
  process.getuid?.() !== 0 ? 'needs root' : (['containerd', 'runc', 'iptables', 'ip', 'docker', 'busybox'].filter((name) => !inPath(name)).map((name) => `needs ${name}`)[0] ?? null);
/** Why the docker command line cannot be tried here. */
export const missingDocker: string | null = inPath('docker') ? null : 'needs docker';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON. */
  json<T = unknown>(): T;
}

export interface StartOptions {
  readonly world?: 'linux' | 'simulated';
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Of an earlier daemon of the same test. */
  readonly roots?: Roots;
}
export interface Roots {
  /** Holds both. */
  readonly folder: string;
  readonly data: string;
  readonly exec: string;
}

export interface Daemon {
  readonly roots: Roots;
  /** Path of its unix socket. */
  readonly socket: string;
  pid(): number;
  /** The docker command line, talking to this daemon. */
  docker(...args: string[]): Promise<Outcome>;
  /** The same with something on its standard input. */
  dockerWith(input: string | Buffer, ...args: string[]): Promise<Outcome>;
  /** The same; fails the test when it does not end with 0. Gives what it printed, without the last line feed. */
  ok(...args: string[]): Promise<string>;
  request(method: string, path: string, body?: unknown): Promise<Reply>;
  /** Makes the image `busybox`; gives its id. */
  busybox(): Promise<string>;
  /** Sends a signal and waits for the daemon's end; gives its exit code. */
  kill(signal?: NodeJS.Signals): Promise<number | null>;
  /** Ends it (SIGKILL unless said otherwise) and starts it again on the same roots. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** What it said of itself so far. */
  journal(): string;
}

/** Resolves when the condition holds. */
export async function eventually<T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (const until = Date.now() + patience; ; ) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > until) throw new Error(`waited in vain until ${what}`);
    await pause(50);
  }
}

export function run(command: string, args: readonly string[], { input = '' as string | Buffer, env = process.env, timeoutMs = patience } = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, timeout: timeoutMs, killSignal: 'SIGKILL' });
    const read = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (read.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (read.stderr += text));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...read }));
  });
}

export function ask(socket: string, method: string, path: string, body?: unknown): Promise<Reply> {
  const json = body !== undefined && !Buffer.isBuffer(body);
  const text = json ? JSON.stringify(body) : (body as Buffer | undefined);
  const headers = { ...(json ? { 'content-type': 'application/json' } : {}), ...(text === undefined ? {} : { 'content-length': Buffer.byteLength(text) }) };
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ socketPath: socket, method, path, headers, agent: false, timeout: patience }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const whole = Buffer.concat(chunks).toString('utf8');
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: whole, json: <T>() => JSON.parse(whole) as T });
      });
    });
    asked.on('timeout', () => asked.destroy(new Error(`${method} ${path}: no answer`)));
    asked.on('error', reject);
    asked.end(text);
  });
}

/** Where what is to be done at the end is left: a test. */
export type Stage = Pick<ExecutionContext, 'teardown'>;

export function makeRoots(t: Stage): Roots {
  const folder = mkdtempSync('/tmp/td-');
  t.teardown(() => leaveNothing(folder));
  return { folder, data: join(folder, 'd'), exec: join(folder, 'e') };
}

/** Daemons of one test file that start at the same time: more of them are only slower together. */
const mostStarting = 2;
let starting = 0;
const queue: (() => void)[] = [];
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (starting >= mostStarting) await new Promise<void>((resolve) => queue.push(resolve));
  starting += 1;
  try {
    return await work();
  } finally {
    starting -= 1;
    queue.shift()?.();
  }
}

/** Starts one, and waits until it is ready. */
export async function startDaemon(t: Stage, options: StartOptions = {}): Promise<Daemon> {
  const roots = options.roots ?? makeRoots(t);
  const socket = join(roots.exec, 'tallyd.sock');
  const output = join(roots.folder, `journal-${Math.random().toString(36).slice(2)}`);
  const args = ['--data-root', roots.data, '--exec-root', roots.exec, '-D', ...(options.world === 'simulated' ? ['--world', 'simulated'] : []), ...(options.args ?? [])];
  const journal = () => (existsSync(output) ? readFileSync(output, 'utf8') : '');
  const env = { ...process.env, ...options.env, TALLYD_TEST: roots.folder };
  let child: ChildProcess;
  let ended: Promise<number | null>;

  const start = async () => {
    const before = journal().length;
    const file = openSync(output, 'a');
    child = spawn(join(house, 'tallyd'), args, { env, stdio: ['ignore', file, file], cwd: '/' });
    closeSync(file);
    ended = new Promise((resolve) => child.on('exit', resolve).on('error', () => resolve(null)));
    let over = false;
    void ended.then(() => (over = true));
    await eventually(`the daemon was ready: ${journal().slice(-2000)}`, () => over || journal().slice(before).includes('has completed initialization'));
    if (over) throw new Error(`the daemon did not start: ${journal().slice(before)}`);
  };
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    child.kill(signal);
    return ended;
  };
  const dockerEnv = { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(roots.folder, 'docker') };
  const dockerWith = (input: string | Buffer, ...given: string[]) => run('docker', given, { input, env: dockerEnv });
  await inTurn(start);

  return {
    roots,
    socket,
    pid: () => child.pid ?? 0,
    docker: (...given) => dockerWith('', ...given),
    dockerWith,
    ok: async (...given) => {
      const { code, stdout, stderr } = await dockerWith('', ...given);
      if (code !== 0) throw new Error(`docker ${given.join(' ')} ended with ${code}: ${stderr}${stdout}`);
      return stdout.replace(/\n$/, '');
    },
    request: (method, path, body) => ask(socket, method, path, body),
    busybox: async () => {
      const { stdout, stderr, code } = await dockerWith(await busyboxTar(), 'import', '-c', 'CMD ["sh"]', '-', 'busybox');
      if (code !== 0) throw new Error(`docker import ended with ${code}: ${stderr}`);
      return stdout.trim();
    },
    kill,
    restart: async (signal = 'SIGKILL') => {
      await kill(signal);
      await inTurn(start);
    },
    journal,
  };
}

const text = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
const link = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

/** Whatever was started for these roots: by its command line, its environment, its cgroup, or its open streams. */
function processesOf(folder: string): number[] {
  const cgroup = `/tallyd-${instanceOf(join(folder, 'e'))}`;
  const belongs = (pid: number) => {
    const at = `/proc/${pid}`;
    return text(`${at}/cmdline`).includes(`${folder}/`) || text(`${at}/environ`).includes(`TALLYD_TEST=${folder}`) || text(`${at}/cgroup`).includes(cgroup) ||
      [0, 1, 2].some((fd) => link(`${at}/fd/${fd}`).startsWith(`${folder}/`));
  };
  return readdirSync('/proc').map(Number).filter((pid) => pid > 0 && pid !== process.pid && belongs(pid) && !/^State:\tZ/m.test(text(`/proc/${pid}/status`)));
}

/** Ends all processes, unmounts, removes links, rules, cgroups and files: in this order, and over again until nothing is left. */
async function leaveNothing(folder: string): Promise<void> {
  await eventually(`nothing of ${folder} ran any more`, () => {
    const left = processesOf(folder);
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
    return left.length === 0;
  });
  const exec = join(folder, 'e');
  if (existsSync(join(exec, 'network'))) {
    const none = async () => undefined;
    await linuxNetworks({ execRoot: exec, keeper: { publish: async () => 0, unpublish: none, published: async () => [] } }).dispose();
  }
  const mounts = () => text('/proc/self/mountinfo').split('\n').map((line) => line.split(' ')[4] ?? '').filter((path) => path.startsWith(`${folder}/`)).toReversed();
  for (const path of mounts()) await run('umount', ['-l', path]);
  removeCgroups(`tallyd-${instanceOf(exec)}`);
  await eventually(`${folder} was removed`, () => {
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      return true;
    } catch {
      for (const path of mounts()) void run('umount', ['-l', path]);
      return false;
    }
  });
}

function removeCgroups(name: string): void {
  const remove = (path: string) => {
    if (!existsSync(path)) return;
    for (const entry of readdirSync(path)) if (lstatSync(join(path, entry)).isDirectory()) remove(join(path, entry));
    void run('rmdir', [path]);
  };
  const controllers = existsSync('/sys/fs/cgroup') ? readdirSync('/sys/fs/cgroup') : [];
  for (const path of [name, ...controllers.map((controller) => join(controller, name))]) remove(join('/sys/fs/cgroup', path));
}
