// udp-proxy.ts: a host port of UDP held for a container: a socket for each client, so that answers find their way back
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { ProxiedPort } from './frames.ts';
import type { HeldPort } from './port-proxy.ts';

/** As long as Docker's (docker-proxy: UDPConnTrackTimeout), and as many as may be at once. */
const idleMs = 90_000;
const mostClients = 4096;

interface Client {
  readonly socket: Socket;
  lastSeen: number;
}

export function holdUdp(port: ProxiedPort): Promise<HeldPort> {
  const server = createSocket({ type: typeOf(port.hostIp), ipv6Only: isIPv6(port.hostIp) });
  const clients = new Map<string, Client>();
  const drop = (key: string): void => {
    clients.get(key)?.socket.close();
    clients.delete(key);
  };
  const sweep = setInterval(() => {
    const oldest = Date.now() - idleMs;
    for (const [key, client] of clients) if (client.lastSeen < oldest) drop(key);
  }, idleMs / 3);

  const welcome = (key: string, address: string, from: number): Client => {
    const [first] = clients.keys();
    if (clients.size >= mostClients && first) drop(first);
    const client: Client = { socket: createSocket(typeOf(port.targetIp)), lastSeen: Date.now() };
    client.socket.on('message', (answer) => {
      client.lastSeen = Date.now();
      server.send(answer, from, address);
    });
    // Nobody listens in the container: the next datagram may find somebody.
    client.socket.on('error', () => undefined);
    clients.set(key, client);
    return client;
  };

  server.on('message', (message, from) => {
    const key = `${from.address} ${from.port}`;
    const client = clients.get(key) ?? welcome(key, from.address, from.port);
    client.lastSeen = Date.now();
    client.socket.send(message, port.targetPort, port.targetIp);
  });

  const close = (): Promise<void> => {
    clearInterval(sweep);
    for (const key of clients.keys()) drop(key);
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      clearInterval(sweep);
      reject(error);
    });
    server.bind({ address: port.hostIp, port: port.hostPort, exclusive: true }, () => {
      server.removeAllListeners('error').on('error', () => undefined);
      resolve({ port: { ...port, hostPort: server.address().port }, close });
    });
  });
}

const typeOf = (address: string): 'udp4' | 'udp6' => (isIPv6(address) ? 'udp6' : 'udp4');
