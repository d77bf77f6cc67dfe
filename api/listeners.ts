// listeners.ts: the sockets that the API is served on
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { addressText, type ListenerAddress } from './listener-address.ts';

export interface Faces {
  readonly request: RequestListener;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

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
function serverOf({ request, upgrade }: Faces): Server {
  const server = createServer({ requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 0 }, request);
  server.on('upgrade', upgrade);
  return server;
}

export async function openListeners(addresses: readonly ListenerAddress[], faces: Faces, group: number | null, passed: Passed): Promise<Server[]> {
  const servers: Server[] = [];
  try {
    for (const address of addresses) {
      const count = address.kind === 'fd' ? passed.count : 1;
      if (count === 0) throw new Error('fd://: no sockets were passed by systemd (LISTEN_FDS)');
      for (let index = 0; index < count; index += 1) {
        const server = serverOf(faces);
        servers.push(server);
        if (address.kind === 'unix') await listenUnix(server, address.path, group);
        else if (address.kind === 'tcp') await listening(server, { host: address.host, port: address.port });
        else await listening(server, { fd: firstPassed + index });
      }
    }
    return servers;
  } catch (error) {
    for (const server of servers) server.close();
    throw error instanceof Error && 'code' in error ? new Error(`cannot listen on ${addresses.map(addressText).join(', ')}: ${error.message}`) : error;
  }
}
