// keeper-client.ts: the daemon's side of the keeper, the process that holds streams and ports while daemons come and go
import { connect, type Socket } from 'node:net';
import { type Answer, type Greeting, lineOf, lineSplitter, type Notice, protocol, type ProxiedPort, type Request, type StreamSettings, type Wants } from './frames.ts';
import { startKeeper } from './keeper-start.ts';

export type { ProxiedPort } from './frames.ts';

/**
 * One keeper serves one daemon: open it once per exec-root and hand it to whoever needs it.
 *
 *     const keeper = await openKeeper('/run/tallyd');
 *     const hostPort = await keeper.publish({ key: `${id}/80/tcp/0.0.0.0`, protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 0,
 *       targetIp: '172.17.0.2', targetPort: 80 });             // rejects with an Error whose `code` is 'EADDRINUSE'
 *     await keeper.unpublish(`${id}/80/tcp/0.0.0.0`);
 *
 * A published port stays published while no daemon runs, and is there again after the keeper itself died and was restarted.
 * All that is asked is asked again when the keeper dies over it.
 */
export interface Keeper {
  /** Gives the host port. Asking again with the same key: nothing to do when all is the same, else the port is replaced. */
  publish(port: ProxiedPort): Promise<number>;
  /** Closes the port and the connections through it; nothing to do when there is no such key. */
  unpublish(key: string): Promise<void>;
  /** All that are published now, with their real host ports. */
  published(): Promise<ProxiedPort[]>;

  open(settings: StreamSettings): Promise<void>;
  drain(id: string): Promise<void>;
  closeStdin(id: string): Promise<void>;
  endedInputs(): Promise<string[]>;
  forget(id: string): Promise<void>;
  /** A connection of its own, as `Greeting` describes it. */
  attach(id: string, wants: Wants): Promise<Socket>;
  watch(id: string): Promise<Socket>;
  onInputEnded(listener: (id: string) => void): void;
  /** Called when another keeper took over from one that died. */
  onReplaced(listener: () => void): void;

  readonly pid: number;
  /** Lets go of it; it goes on. */
  close(): void;
  /** Ends it and all that it holds. */
  end(): Promise<void>;
}

interface Waiting {
  readonly request: Request;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Connection {
  readonly socket: Socket;
  readonly pid: number;
}

const retryMs = 100;
const patienceMs = 60_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Finds the running keeper of this exec-root, or starts one. */
export async function openKeeper(execRoot: string): Promise<Keeper> {
  const folder = `${execRoot}/keeper`;
  const waiting = new Map<number, Waiting>();
  const inputEnded: ((id: string) => void)[] = [];
  const replaced: (() => void)[] = [];
  let last = 0;
  let closed = false;

  const receive = (line: string): void => {
    const message = JSON.parse(line) as Answer | Notice;
    if ('notice' in message) return inputEnded.forEach((listener) => listener(message.id));
    const asked = waiting.get(message.n);
    waiting.delete(message.n);
    if (message.error) asked?.reject(Object.assign(new Error(message.error.message), { code: message.error.code }));
    else asked?.resolve(message.answer);
  };

  const control = async (): Promise<Connection> => {
    const connection = await greeted(folder, receive);
    connection.socket.on('close', () => void (closed || restore()));
    return connection;
  };
  let current = control();
  const restore = (): void => {
    current = again();
  };
  const again = async (): Promise<Connection> => {
    for (;;) {
      try {
        const connection = await control();
        for (const [n, { request }] of waiting) connection.socket.write(lineOf({ ...request, n }));
        for (const listener of replaced) listener();
        return connection;
      } catch (error) {
        if (closed) throw error;
        await pause(retryMs);
      }
    }
  };

  const ask = async (request: Request): Promise<unknown> => {
    const { socket } = await current;
    const n = (last += 1);
    const answered = new Promise<unknown>((resolve, reject) => void waiting.set(n, { request, resolve, reject }));
    socket.write(lineOf({ ...request, n }));
    return answered;
  };
  /** Through a keeper's death as well: its successor is there soon. */
  const greet = async (greeting: Greeting): Promise<Socket> => {
    for (const deadline = Date.now() + patienceMs; ; await pause(retryMs)) {
      if (closed) throw new Error('the keeper was let go');
      await current;
      try {
        const socket = await connected(folder);
        socket.write(lineOf(greeting));
        // Only then it is certain that nothing from now on is missed.
        await firstLine(socket);
        return socket;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  };
  const close = (): void => {
    closed = true;
    for (const { reject } of waiting.values()) reject(new Error('the keeper was let go'));
    waiting.clear();
    void current.then(({ socket }) => socket.destroy());
  };

  let { pid } = await current;
  replaced.push(() => void current.then((connection) => (pid = connection.pid)));
  return {
    publish: async (port) => (await ask({ ask: 'publish', port })) as number,
    unpublish: async (key) => void (await ask({ ask: 'unpublish', key })),
    published: async () => (await ask({ ask: 'published' })) as ProxiedPort[],
    open: async (settings) => void (await ask({ ask: 'open', settings })),
    drain: async (id) => void (await ask({ ask: 'drain', id })),
    closeStdin: async (id) => void (await ask({ ask: 'closeStdin', id })),
    endedInputs: async () => (await ask({ ask: 'endedInputs' })) as string[],
    forget: async (id) => void (await ask({ ask: 'forget', id })),
    attach: (id, wants) => greet({ attach: id, wants }),
    watch: (id) => greet({ watch: id }),
    onInputEnded: (listener) => void inputEnded.push(listener),
    onReplaced: (listener) => void replaced.push(listener),
    get pid() {
      return pid;
    },
    close,
    async end() {
      if (closed) return;
      const { socket } = await current;
      const gone = new Promise((resolve) => socket.once('close', resolve));
      closed = true;
      await Promise.race([ask({ ask: 'end' }), gone]);
      await gone;
      close();
    },
  };
}

function connected(folder: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(`${folder}/socket`, () => {
      socket.off('error', reject).on('error', () => socket.destroy());
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** Finds or starts a keeper that speaks as this daemon does; another one is ended, and its successor takes over. */
async function greeted(folder: string, receive: (line: string) => void): Promise<Connection> {
  const socket = await connected(folder).catch(() => startKeeper(folder, () => connected(folder)));
  socket.write(lineOf({ hello: protocol }));
  const hello = JSON.parse(await firstLine(socket)) as { protocol: number; pid: number };
  if (hello.protocol === protocol) {
    socket.on('data', lineSplitter(receive));
    return { socket, pid: hello.pid };
  }
  const gone = new Promise((resolve) => socket.once('close', resolve));
  process.kill(hello.pid, 'SIGTERM');
  await gone;
  return greeted(folder, receive);
}

/** Reads up to the first line feed and leaves the rest in the socket. */
function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const read = (): void => {
      for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf(0x0a);
        if (end < 0) continue;
        socket.off('readable', read).off('close', failed);
        if (end + 1 < head.length) socket.unshift(head.subarray(end + 1));
        return resolve(head.toString('utf8', 0, end));
      }
    };
    const failed = (): void => reject(new Error('the keeper ended'));
    socket.on('readable', read).on('close', failed);
  });
}
