// linux.ts: containers' standard streams and logs on a real machine: the door that the keeper stands behind
import { mkdirSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import type { ContainerSpec } from '../../events/spec.ts';
import { type Fifos, type LogLine, type LogQuery, type Stdio, WorldFailure } from '../world.ts';
import { attached } from './attached.ts';
import { makeFifo } from './fifo.ts';
import type { Keeper } from './keeper-client.ts';
import { readLog } from './log-reader.ts';
import { checkLogConfig } from './log-options.ts';
import { logFileOf, logFiles, type LogFolder, logSettings } from './log-settings.ts';
import { logWatch } from './log-watch.ts';

export interface StdioOptions {
  /** `/var/lib/tallyd`: logs are at `containers/<id>/` in it. */
  readonly dataRoot: string;
  /** `/run/tallyd`: FIFOs are at `streams/<id>/` in it. */
  readonly execRoot: string;
  readonly keeper: Keeper;
  readonly hostname: string;
  /**
   * Ends a container's input at the runtime (containerd: Tasks.CloseIO). Called when the client that was to end it has,
   * which may be before there is a task: tried again until it resolves, or the run is over.
   */
  readonly closeStdin: (id: string) => Promise<void>;
}

/**
 * How long an ended run may be waited for. Its last output is there at once, unless a process that outlived the
 * container holds its streams open (Docker: 2 s, too short for a busy machine) or an attached client does not read.
 */
const drainMs = 10_000;
const closeRetryMs = { first: 20, most: 1000 };

export async function linuxStdio(options: StdioOptions): Promise<Stdio> {
  const { keeper, dataRoot, execRoot, hostname } = options;
  const logFolder = (id: string): LogFolder => ({ path: `${dataRoot}/containers/${id}`, id });
  const streamFolder = (id: string): string => `${execRoot}/streams/${id}`;
  const closing = new Map<string, AbortController>();

  const closeInput = async (id: string): Promise<void> => {
    if (closing.has(id)) return;
    const over = new AbortController();
    closing.set(id, over);
    for (let waitMs = closeRetryMs.first; !over.signal.aborted; waitMs = Math.min(waitMs * 2, closeRetryMs.most)) {
      const closed = await options.closeStdin(id).then(() => true, () => false);
      if (closed) await keeper.closeStdin(id);
      if (closed) break;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    if (closing.get(id) === over) closing.delete(id);
  };
  const runOver = (id: string): void => {
    closing.get(id)?.abort();
    closing.delete(id);
  };
  const closeAllEnded = async (): Promise<void> => {
    for (const id of await keeper.endedInputs()) void closeInput(id);
  };
  keeper.onInputEnded((id) => void closeInput(id));
  keeper.onReplaced(() => void closeAllEnded().catch(() => undefined));
  // What was ended while no daemon ran.
  await closeAllEnded();

  const fifosOf = (id: string, spec: ContainerSpec): Fifos => {
    const folder = streamFolder(id);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const made = (name: string, there: boolean): string => {
      if (there) makeFifo(`${folder}/${name}`, 0o600);
      return there ? `${folder}/${name}` : '';
    };
    const { OpenStdin, Tty } = spec.config;
    return { stdin: made('stdin', OpenStdin), stdout: made('stdout', true), stderr: made('stderr', !Tty) };
  };

  return {
    async open(id, name, spec) {
      const fifos = fifosOf(id, spec);
      const log = logSettings(logFolder(id), name, spec, hostname);
      try {
        await keeper.open({ id, ...fifos, tty: spec.config.Tty, stdinOnce: spec.config.StdinOnce, log });
      } catch (error) {
        throw new WorldFailure('other', `failed to create task for container: failed to initialize logging driver: ${(error as Error).message}`);
      }
      return fifos;
    },
    attach: async (id, wants) => attached(await keeper.attach(id, wants)),
    async drained(id) {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, drainMs);
      await Promise.race([keeper.drain(id), late]);
      clearTimeout(timer);
      runOver(id);
    },
    logs: (id, spec, query, signal) => containerLogs(keeper, logFolder(id), spec, query, signal),
    logPath: (id, spec) => (['json-file', ''].includes(spec.hostConfig.LogConfig.Type) ? logFiles(logFolder(id)).json : ''),
    async remove(id) {
      runOver(id);
      await keeper.forget(id);
      await rm(streamFolder(id), { recursive: true, force: true });
      await removeLogs(logFolder(id));
    },
    check: checkLogConfig,
  };
}

async function* containerLogs(keeper: Keeper, folder: LogFolder, spec: ContainerSpec, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine[]> {
  const path = logFileOf(folder, spec.hostConfig.LogConfig);
  if (path === null) throw new WorldFailure('invalid', 'configured logging driver does not support reading');
  const end = query.follow ? untilThen(query.until, signal) : null;
  const watch = end && (await logWatch(() => keeper.watch(folder.id), end.signal));
  try {
    yield* readLog(path, query, watch, signal);
  } finally {
    watch?.close();
    end?.release();
  }
}

/** `--until` ends a follower also when no line comes that would be past it. */
function untilThen(until: bigint | null, signal: AbortSignal): { signal: AbortSignal; release: () => void } {
  const end = new AbortController();
  const abort = (): void => end.abort();
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  const millis = until === null ? null : Number(until / 1_000_000n) - Date.now();
  // What is longer than a timer can wait is longer than anybody will.
  const timer = millis === null ? undefined : setTimeout(abort, Math.min(Math.max(0, millis), 2 ** 31 - 1));
  const release = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  };
  return { signal: end.signal, release };
}

async function removeLogs(folder: LogFolder): Promise<void> {
  const ours = [`${folder.id}-json.log`, 'local-logs', 'container-cached.log'];
  const names = await readdir(folder.path).catch(() => []);
  const logs = names.filter((name) => ours.some((own) => name === own || name.startsWith(`${own}.`)));
  await Promise.all(logs.map((name) => rm(`${folder.path}/${name}`, { recursive: true, force: true })));
}
