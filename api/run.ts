// run.ts: the daemon from its options to its end: the steps of its start in their order, and its shutdown
import { existsSync, mkdirSync, readFileSync, writeFileSync, chmodSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Log } from '../events/log.ts';
import { memoryLog } from '../events/stores/memory.ts';
import { openSqliteLog } from '../events/stores/sqlite.ts';
import { fingerprintOf, keepCheckpoints, type Checkpointing } from '../actors/checkpointing.ts';
import { askForDefaultNetworks } from '../actors/default-networks.ts';
import type { Engine } from '../actors/engine.ts';
import { openJournal, type Journal } from '../actors/journal.ts';
import { lockRoot, removePidFile, writePidFile, type Lock } from '../actors/lock.ts';
import { notify } from '../actors/notify.ts';
import { boot, ensureNetworks, hearOutOfMemory, sweepLeftovers } from '../actors/reconcile.ts';
import { openEngine } from '../actors/restore.ts';
import { stopContainers } from '../actors/shutdown.ts';
import { beginLife, type Life } from '../actors/startup.ts';
import { linuxClock } from '../actors/worlds/linux/clock.ts';
import { linuxRandom } from '../actors/worlds/linux/random.ts';
import { linuxWorld, type StartingWorld } from '../actors/worlds/linux.ts';
import { simulatedWorld } from '../actors/worlds/simulated.ts';
import { attachTo } from './docker/app.ts';
import type { Face } from './docker/face.ts';
import { openEventFace, type EventFace } from './event-face.ts';
import type { Options } from './flags.ts';
import { addressText } from './listener-address.ts';
import { groupId, openListeners, type Doorway } from './listeners.ts';
import { dumpState } from './state-dump.ts';

/** What the daemon is given beside its options: by the process that it is. */
export interface Surroundings {
  readonly pid: number;
  /** Milliseconds since the process began. */
  readonly ageMs: number;
  readonly version: string;
  /** The folder that the daemon's own files are in. */
  readonly house: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly write: (line: string) => void;
  /** Called before the start is over: a signal may come at any time. */
  readonly onRunning: (running: Running) => void;
}

export interface Running {
  /** Resolves when all is put away. */
  stop(signal: string): Promise<void>;
  /** Writes what the daemon knows to a file. */
  dump(): void;
  fault(message: string): void;
}

/** All that a start has opened so far, for the end to put away. */
interface Opened {
  locks: Lock[];
  doorway: Doorway | null;
  eventFace: EventFace | null;
  log: Log | null;
  engine: Engine | null;
  checkpointing: Checkpointing | null;
}

class Interrupted extends Error {}

function worldOf({ world, seed, ...options }: Options, environment: Surroundings['environment']): StartingWorld {
  if (world === 'linux') return linuxWorld({ ...options, environment, insecureRegistries: [], registryMirrors: [] });
  const none = async () => undefined;
  return Object.assign(simulatedWorld({ seed, pace: 'real' }), { reach: none, check: async () => [], dispose: none });
}

async function openLog(where: string): Promise<Log> {
  if (where === 'memory:') return memoryLog();
  if (!where.startsWith('sqlite:')) throw new Error(`--event-log ${where}: this kind of log is not supported yet`);
  const path = where.slice('sqlite:'.length);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return openSqliteLog(path);
}

/** Who this daemon is in the log, for as long as its data lasts. */
function engineId(dataRoot: string): string {
  const path = join(dataRoot, 'engine-id');
  const known = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  if (known) return known;
  const id = linuxRandom.uuid();
  writeFileSync(path, `${id}\n`, { mode: 0o600 });
  return id;
}

/** Not mkdir's own recursion: below a folder that takes none, as in /proc, Node's never ends. */
function makeFolders(path: string): void {
  if (existsSync(path)) return;
  makeFolders(dirname(path));
  mkdirSync(path);
}

function makeRoots({ dataRoot, execRoot }: Options): Lock[] {
  const locks: Lock[] = [];
  try {
    // Members of the socket's group have to get through the exec root to it, and see nothing else there.
    for (const [root, mode] of [[dataRoot, 0o700], [execRoot, 0o701]] as const) {
      makeFolders(root);
      if (root !== dataRoot || locks.length === 0) locks.push(lockRoot(root));
      chmodSync(root, mode);
    }
    return locks;
  } catch (error) {
    for (const lock of locks) lock.release();
    throw error;
  }
}

function socketGroup({ group, groupAsked }: Options): number | null {
  const id = groupId(group);
  if (id === null && groupAsked) throw new Error(`group ${group} not found`);
  return id;
}

/** $LISTEN_FDS counts only when it was meant for this process: systemd's are inherited by children too. */
const passedSockets = ({ environment, pid }: Surroundings) => ({
  count: environment['LISTEN_PID'] === String(pid) ? Number(environment['LISTEN_FDS'] ?? 0) || 0 : 0,
});

const faceOf = (engine: Engine, options: Options, surroundings: Surroundings, journal: Journal): Face => {
  const { environment: env, version } = surroundings;
  return {
    engine, version, commit: 'source', builtAt: '2026-11-25T00:00:00Z', dataRoot: options.dataRoot, labels: options.labels, debug: options.debug,
    liveRestore: options.liveRestore, defaultRuntime: options.defaultRuntime, insecureRegistries: ['127.0.0.0/8'], registryMirrors: [],
    httpProxy: env['HTTP_PROXY'] ?? env['http_proxy'] ?? '', httpsProxy: env['HTTPS_PROXY'] ?? env['https_proxy'] ?? '',
    noProxy: env['NO_PROXY'] ?? env['no_proxy'] ?? '', report: (sentence) => journal.error(sentence),
  };
};

/** Resolves when the daemon is ready; rejects, with all put away again, when it cannot start. */
export async function runDaemon(options: Options, surroundings: Surroundings): Promise<Running> {
  const journal = openJournal(surroundings.write, linuxClock(), options.logLevel);
  const world = worldOf(options, surroundings.environment);
  const clock = linuxClock();
  const { pid, version, ageMs, environment } = surroundings;
  const life = beginLife({ pid, version, ageMs, roots: [options.dataRoot, options.execRoot] }, { clock: world.clock, random: linuxRandom }, journal);
  const opened: Opened = { locks: [], doorway: null, eventFace: null, log: null, engine: null, checkpointing: null };
  let stopping: Promise<void> | null = null;
  const tell = (state: string) => notify(environment['NOTIFY_SOCKET'] ?? '', state);

  const step: Life['step'] = (name, work, found) => {
    if (stopping) throw new Interrupted('the daemon was told to stop while it was starting');
    return life.step(name, work, found);
  };
  const fault = (stream: string, message: string) => {
    journal.error(message, { stream });
    void life.note({ type: 'daemon.faulted', data: { stream, message } }).catch(() => undefined);
  };

  const start = async () => {
    await step('options', () => undefined);
    opened.locks = await step('roots', () => makeRoots(options));
    await step('pidFile', () => writePidFile(options.pidfile));
    opened.doorway = await step('listeners', () => openListeners(options.hosts, socketGroup(options), passedSockets(surroundings)));
    await life.open(await openTheLog(), engineId(options.dataRoot));
    const folded = await step('replay', () => replay(opened.log!), ({ facts, checkpoint }) => ({ facts, checkpoint }));
    await step('containerd', () => world.reach());
    for (const warning of await step('system', () => world.check(), (warnings) => ({ warnings }))) journal.warning(warning);
    await step('network', () => prepareNetworks(folded.engine));
    await step('reconcile', async () => {
      await sweepLeftovers(folded.engine);
      folded.wake();
      hearOutOfMemory(folded.engine);
      await networksSettled(folded.engine);
      await boot(folded.engine);
    });
    await step('ready', () => undefined);
  };

  const openTheLog = () => step('log', async () => (opened.log = await openLog(options.eventLog)));

  async function replay(log: Log) {
    const fingerprint = fingerprintOf(surroundings.house);
    const folded = await openEngine({ id: engineId(options.dataRoot), log, world, onFault: fault, fingerprint });
    const { engine } = folded;
    opened.engine = engine;
    life.join(engine);
    opened.checkpointing = keepCheckpoints(engine, fingerprint, folded.facts);
    for (const finding of log.findings) {
      journal.error(`the log: ${finding.message}`, { kind: finding.kind });
      void life.note({ type: 'daemon.logRepaired', data: { kind: finding.kind, message: finding.message } });
    }
    for (const { stream, quarantined } of engine.roster.entities.values()) {
      if (quarantined !== null) void life.note({ type: 'daemon.quarantined', data: { stream, message: quarantined } });
    }
    const face = faceOf(engine, options, surroundings, journal);
    opened.doorway?.serve((server) => attachTo(server, face));
    opened.eventFace = await openEventFace(options, { log, clock, random: linuxRandom, report: (sentence) => journal.error(sentence) });
    return folded;
  }

  async function prepareNetworks(engine: Engine): Promise<void> {
    await ensureNetworks(engine);
    const complaint = await askForDefaultNetworks(engine, options);
    if (complaint) journal.warning(complaint);
  }

  async function putAway(end: () => Promise<void>): Promise<void> {
    opened.doorway?.close();
    await opened.checkpointing?.save();
    if (opened.engine) Object.assign(opened.engine, { closed: true });
    opened.doorway?.cut();
    await end();
    await opened.eventFace?.close();
    await opened.log?.close();
    removePidFile(options.pidfile);
    for (const lock of opened.locks) lock.release();
  }

  async function shutDown(signal: string): Promise<void> {
    const from = clock.now();
    journal.info(`Processing signal '${signal}'`);
    tell('STOPPING=1');
    await starting.catch(() => undefined);
    await life.shutDown(signal).catch(() => undefined);
    const { engine } = opened;
    const stops = engine?.awake && !options.liveRestore;
    if (engine && stops && !(await stopContainers(engine, options.shutdownTimeout))) journal.warning('some containers did not stop in time');
    await life.finishShutdown(Number((clock.now() - from) / 1_000_000n)).catch(() => undefined);
    await putAway(() => (options.liveRestore ? world.close() : world.shutDown()));
    journal.info('Daemon shutdown complete');
  }

  const starting = start();
  const running: Running = {
    stop: (signal) => (stopping ??= shutDown(signal)),
    dump: () => journal.info(`state written to ${dumpState(options.execRoot, life.status(), opened.engine, clock.now())}`),
    fault: (message) => fault('daemon', message),
  };
  surroundings.onRunning(running);
  try {
    await starting;
  } catch (error) {
    if (error instanceof Interrupted) return running;
    await putAway(() => world.close()).catch(() => undefined);
    throw error;
  }
  for (const address of options.hosts) journal.info(`API listen on ${address.kind === 'unix' ? address.path : addressText(address)}`);
  journal.info('Daemon has completed initialization');
  tell('READY=1');
  return running;
}

/** The default networks are made by an effect, which begins when the engine wakes: what starts with the daemon needs them. */
async function networksSettled(engine: Engine): Promise<void> {
  const isMaking = () => [...engine.roster.entities.values()].some(({ kind, snapshot }) => kind === 'network' && snapshot.value === 'creating');
  if (!isMaking()) return;
  await new Promise<void>((resolve) => {
    const listener = () => {
      if (isMaking()) return;
      engine.listeners.delete(listener);
      resolve();
    };
    engine.listeners.add(listener);
  });
}
