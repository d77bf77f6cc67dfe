// port-proxy.ts: host ports held for containers, for connections that no NAT rule redirects
import { renameSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { ProxiedPort } from './frames.ts';

/** A host port that is held. */
export interface HeldPort {
  readonly port: ProxiedPort;
  close(): Promise<void>;
}

export interface PortProxy {
  publish(port: ProxiedPort): Promise<number>;
  unpublish(key: string): Promise<void>;
  published(): ProxiedPort[];
  /** Takes up what an earlier keeper held. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

export function portProxy(path: string): PortProxy {
  const held = new Map<string, HeldPort>();
  // One thing at a time: what is asked twice, or undone at once, would race for the same port.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(what: () => Promise<T>): Promise<T> => {
    const done = turn.then(what);
    turn = done.catch(() => undefined);
    return done;
  };
  const published = (): ProxiedPort[] => [...held.values()].map(({ port }) => port);
  const remember = (): void => {
    writeFileSync(`${path}.new`, JSON.stringify(published()));
    renameSync(`${path}.new`, path);
  };
  const release = async (key: string): Promise<void> => {
    const port = held.get(key);
    held.delete(key);
    await port?.close();
  };
  const hold = async (port: ProxiedPort): Promise<number> => {
    const before = held.get(port.key);
    if (before && same(before.port, port)) return before.port.hostPort;
    await release(port.key);
    const taken = port.protocol === 'tcp' ? await holdTcp(port) : await (await import('./udp-proxy.ts')).holdUdp(port);
    held.set(port.key, taken);
    return taken.port.hostPort;
  };
  return {
    published,
    publish: (port) => inTurn(() => hold(port).finally(remember)),
    unpublish: (key) => inTurn(() => release(key).finally(remember)),
    restore: () =>
      inTurn(async () => {
        for (const port of remembered(path)) await hold(port).catch(() => undefined);
      }),
    close: () => inTurn(async () => void (await Promise.all([...held.keys()].map(release)))),
  };
}

const same = (held: ProxiedPort, asked: ProxiedPort): boolean =>
  held.protocol === asked.protocol &&
  held.hostIp === asked.hostIp &&
  (held.hostPort === asked.hostPort || asked.hostPort === 0) &&
  held.targetIp === asked.targetIp &&
  held.targetPort === asked.targetPort;

function remembered(path: string): ProxiedPort[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProxiedPort[];
  } catch {
    return [];
  }
}

function holdTcp(port: ProxiedPort): Promise<HeldPort> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const target = connect({ host: port.targetIp, port: port.targetPort, allowHalfOpen: true });
    for (const socket of [client, target]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => open.delete(socket));
    }
    join(client, target);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: port.hostIp, port: port.hostPort, ipv6Only: isIPv6(port.hostIp), backlog: 1024 }, () => {
      // A connection that cannot be accepted (no descriptor left) is that client's loss alone.
      server.off('error', reject).on('error', () => undefined);
      resolve({ port: { ...port, hostPort: portOf(server) }, close: () => closed(server, open) });
    });
  });
}

const portOf = (server: Server): number => (server.address() as { port: number }).port;

/** Each side's end is the other's: a client may end its request and still read the answer. */
function join(client: Socket, target: Socket): void {
  client.pipe(target);
  target.pipe(client);
  const abandon = (): void => {
    client.destroy();
    target.destroy();
  };
  for (const socket of [client, target]) {
    socket.on('error', abandon);
    socket.on('close', (failed) => failed && abandon());
  }
}

function closed(server: Server, open: Set<Socket>): Promise<void> {
  for (const socket of open) socket.destroy();
  return new Promise((resolve) => server.close(() => resolve()));
}
