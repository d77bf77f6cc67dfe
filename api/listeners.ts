// listeners.ts: the sockets that the API is served on
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { addressText, type ListenerAddress } from './listener-address.ts';

/** What systemd hands over begins at this descriptor: sd_listen_fds(3). */
const firstPassed = 3;

export interface Passed {
  /** $LISTEN_FDS, when $LISTEN_PID is this process. */
  readonly count: number;
}

/** Id of a group, null when there is none of that name. */
export function groupId(name: string): number | null {
  if (/^\d+$/.test(name)) return Number(name);
  const lines = existsSync('/etc/group') ? readFileSync('/etc/group', 'utf8').split('\n') : [];
  const found = lines.map((line) => line.split(':')).find(([group]) => group === name);
  return found ? Number(found[2]) : null;
}

/** Whether somebody listens at a socket file: what a killed daemon left behind is in nobody's use. */
const answers = (path: string) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

async function listenUnix(server: Server, path: string, group: number | null): Promise<void> {
  if (existsSync(path) && (await answers(path))) throw new Error(`can't create unix socket ${path}: another process listens there`);
  rmSync(path, { force: true });
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  // Nobody but the owner can connect before owner and mode are what they should be.
  const before = process.umask(0o177);
  try {
    await listening(server, { path });
  } finally {
    process.umask(before);
  }
  if (group !== null && process.getuid?.() === 0) chownSync(path, 0, group);
  chmodSync(path, 0o660);
}

const listening = (server: Server, options: object) =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });

/** Connections of `docker events` and `attach` stay open and silent for days: no time limits on them. */
const limits = { requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 0 };

export interface Doorway {
  /** From here on requests are served; those that came before were only kept waiting. */
  serve(attach: (server: Server) => void): void;
  /** Takes no more connections, and removes the socket files. */
  close(): void;
  /** Cuts what is still connected. */
  cut(): void;
}

type Held = ['request', IncomingMessage, ServerResponse] | ['upgrade', IncomingMessage, Duplex, Buffer];

/** A server that keeps its requests until somebody answers them. */
function waitingServer(): { server: Server; serve: (attach: (server: Server) => void) => void } {
  const server = createServer(limits);
  const held: Held[] = [];
  const request = (asked: IncomingMessage, answer: ServerResponse) => void held.push(['request', asked, answer]);
  const upgrade = (asked: IncomingMessage, socket: Duplex, head: Buffer) => void held.push(['upgrade', asked, socket, head]);
  server.on('request', request);
  server.on('upgrade', upgrade);
  const serve = (attach: (server: Server) => void) => {
    attach(server);
    server.off('request', request);
    server.off('upgrade', upgrade);
    for (const [event, ...given] of held.splice(0)) server.emit(event, ...given);
  };
  return { server, serve };
}

const failure = (address: ListenerAddress, error: unknown) =>
  error instanceof Error && 'code' in error ? new Error(`cannot listen on ${addressText(address)}: ${error.message}`) : error;

export async function openListeners(addresses: readonly ListenerAddress[], group: number | null, passed: Passed): Promise<Doorway> {
  const waiting: ReturnType<typeof waitingServer>[] = [];
  const close = () => {
    for (const { server } of waiting) server.close();
    for (const address of addresses) if (address.kind === 'unix') rmSync(address.path, { force: true });
  };
  const open = async (listen: (server: Server) => Promise<void>) => {
    const opened = waitingServer();
    await listen(opened.server);
    waiting.push(opened);
  };
  for (const address of addresses) {
    try {
      if (address.kind === 'unix') await open((server) => listenUnix(server, address.path, group));
      else if (address.kind === 'tcp') await open((server) => listening(server, { host: address.host, port: address.port }));
      else if (passed.count === 0) throw new Error('fd://: no sockets were passed by systemd (LISTEN_FDS)');
      else for (let index = 0; index < passed.count; index += 1) await open((server) => listening(server, { fd: firstPassed + index }));
    } catch (error) {
      for (const { server } of waiting) server.close();
      throw failure(address, error);
    }
  }
  return {
    serve: (attach) => waiting.forEach(({ serve }) => serve(attach)),
    close,
    cut: () => waiting.forEach(({ server }) => server.closeAllConnections()),
  };
}
