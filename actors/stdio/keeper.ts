// keeper.ts: entry of the keeper: `node keeper.ts FOLDER`; holds streams, logs and ports while daemons come and go
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { type Greeting, lineOf, lineSplitter, type Notice, protocol, type Request, type StreamSettings } from './frames.ts';
import { portProxy } from './port-proxy.ts';
import { containerStreams, type Streams } from './streams.ts';

const folder = process.argv[2] ?? '';
const socketPath = `${folder}/socket`;
const pidPath = `${folder}/pid`;
const settingsFolder = `${folder}/open`;
const settingsPath = (id: string): string => `${settingsFolder}/${id}`;

/** How often it looks whether it is still wanted, and after how many looks in vain it ends. */
const lookEveryMs = 10_000;
const looksBeforeEnd = 6;

const daemons = new Set<Socket>();
const streams = new Map<string, Streams>();
const ports = portProxy(`${folder}/ports`);

const tellDaemons = (notice: Notice): void => {
  for (const daemon of daemons) daemon.write(lineOf(notice));
};

function streamsOf(id: string): Streams {
  const known = streams.get(id);
  if (known) return known;
  const made = containerStreams({
    inputEnded: () => tellDaemons({ notice: 'inputEnded', id }),
    runEnded: () => rmSync(settingsPath(id), { force: true }),
  });
  streams.set(id, made);
  return made;
}

/** What is open is written down, so that the next keeper goes on with it if this one is killed. */
async function open(settings: StreamSettings): Promise<void> {
  writeFileSync(`${settingsPath(settings.id)}.new`, JSON.stringify(settings));
  renameSync(`${settingsPath(settings.id)}.new`, settingsPath(settings.id));
  try {
    await streamsOf(settings.id).open(settings);
  } catch (error) {
    rmSync(settingsPath(settings.id), { force: true });
    throw error;
  }
}

async function forget(id: string): Promise<void> {
  await streams.get(id)?.forget();
  streams.delete(id);
  rmSync(settingsPath(id), { force: true });
}

const endedInputs = (): string[] => [...streams].filter(([, each]) => each.inputEnded()).map(([id]) => id);

const answers: { [Ask in Request['ask']]: (request: Extract<Request, { ask: Ask }>) => unknown } = {
  open: ({ settings }) => open(settings),
  drain: ({ id }) => streams.get(id)?.drain(),
  closeStdin: ({ id }) => streams.get(id)?.closeInput(),
  endedInputs,
  forget: ({ id }) => forget(id),
  publish: ({ port }) => ports.publish(port),
  unpublish: ({ key }) => ports.unpublish(key),
  published: () => ports.published(),
  end: () => end(true),
};

async function answer(daemon: Socket, line: string): Promise<void> {
  const { n, ...request } = JSON.parse(line) as Request & { n: number };
  try {
    const given = await (answers[request.ask] as (request: Request) => unknown)(request);
    daemon.write(lineOf({ n, answer: given ?? null }));
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    daemon.write(lineOf({ n, error: { message, code } }));
  }
  if (request.ask === 'end') daemon.end(() => process.exit(0));
}

function greet(socket: Socket, line: string): ((chunk: Buffer) => unknown) | null {
  const greeting = JSON.parse(line) as Greeting;
  if ('attach' in greeting) {
    socket.write(lineOf({}));
    return streamsOf(greeting.attach).attach(socket, greeting.wants);
  }
  if ('watch' in greeting) {
    socket.write(lineOf({}));
    streamsOf(greeting.watch).watch(socket);
    return null;
  }
  daemons.add(socket);
  socket.on('close', () => daemons.delete(socket));
  socket.write(lineOf({ protocol, pid: process.pid }));
  const split = lineSplitter((request) => void answer(socket, request));
  socket.on('data', split);
  return split;
}

/** The first line decides; what came behind it in the same chunk belongs to whom it decided for. */
function welcome(socket: Socket): void {
  let head = Buffer.alloc(0);
  const listen = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(0x0a);
    if (end < 0) return;
    socket.off('data', listen);
    const take = greet(socket, head.toString('utf8', 0, end));
    if (take && end + 1 < head.length) take(head.subarray(end + 1));
  };
  socket.on('data', listen).on('error', () => socket.destroy());
}

/** For good: nothing is left to go on with. Else: a successor takes over what the pipes and files hold. */
async function end(forGood: boolean): Promise<void> {
  await ports.close();
  await Promise.all([...streams.values()].map((each) => each.release()));
  for (const path of [socketPath, pidPath]) rmSync(path, { force: true });
  if (forGood) for (const path of [settingsFolder, `${folder}/ports`]) rmSync(path, { recursive: true, force: true });
}

async function takeUp(): Promise<void> {
  mkdirSync(settingsFolder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(settingsFolder)) {
    try {
      await open(JSON.parse(readFileSync(settingsPath(name), 'utf8')) as StreamSettings);
    } catch {
      // Torn by a crash, or its FIFOs are gone: the daemon opens it again if there is a run.
      rmSync(settingsPath(name), { force: true });
    }
  }
  await ports.restore();
}

const answering = (): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(socketPath, () => (probe.destroy(), resolve(true)));
    probe.on('error', () => resolve(false));
  });

function prefer(): void {
  try {
    // Out of memory, the kernel shall look elsewhere first: all containers would lose their output.
    const fd = openSync('/proc/self/oom_score_adj', 'w');
    writeSync(fd, '-500');
    closeSync(fd);
  } catch {
    // Not root: as it is.
  }
}

/** A folder that was deleted cannot lead anybody here; and who holds nothing for nobody need not stay. */
function lookAround(inode: number): void {
  let inVain = 0;
  setInterval(() => {
    for (const [id, each] of streams) if (each.idle()) streams.delete(id);
    const wanted = daemons.size > 0 || streams.size > 0 || ports.published().length > 0;
    inVain = wanted ? 0 : inVain + 1;
    const found = statSync(socketPath, { throwIfNoEntry: false })?.ino === inode;
    if (!found) process.exit(0);
    if (inVain >= looksBeforeEnd) void end(true).then(() => process.exit(0));
  }, lookEveryMs);
}

async function main(): Promise<void> {
  if (await answering()) return;
  prefer();
  rmSync(socketPath, { force: true });
  await takeUp();
  const server = createServer(welcome);
  server.listen(socketPath, () => {
    writeFileSync(pidPath, `${process.pid}\n`);
    lookAround(statSync(socketPath).ino);
  });
  process.on('SIGTERM', () => void end(false).then(() => process.exit(0)));
  // A defect met by one container's streams must not cost all others theirs.
  process.on('uncaughtException', (error) => console.error(new Date().toISOString(), error));
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
}

/** What `import()` loads when it is needed first. Without a folder, all of it is loaded once for Node's compile cache. */
const loadAll = (): Promise<unknown> => Promise.all([import('./udp-proxy.ts'), import('./compression.ts'), import('./drivers/remote.ts')]);

await (folder ? main() : loadAll());
