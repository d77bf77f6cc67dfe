// datagram.ts: the way out to a log server by UDP: a message is one datagram, or several that belong together
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { LogAddress } from '../log-addresses.ts';
import type { Outlet } from './outlet.ts';

/** Datagrams that may be on their way at once; more are lost, as they would be on the network. */
const mostWaiting = 1024;

export function datagramOutlet(address: LogAddress, split: (message: Buffer) => Buffer[] = (message) => [message]): Outlet {
  const socket = createSocket(isIPv6(address.host) ? 'udp6' : 'udp4');
  socket.on('error', () => undefined);
  socket.unref();
  let waiting = 0;
  let idle = (): void => undefined;
  const sent = (): void => {
    waiting -= 1;
    if (waiting === 0) idle();
  };
  return {
    send(message) {
      for (const datagram of split(message)) {
        if (waiting >= mostWaiting) return;
        waiting += 1;
        socket.send(datagram, address.port, address.host || '127.0.0.1', sent);
      }
    },
    congested: () => false,
    async close() {
      if (waiting > 0) await new Promise<void>((resolve) => void (idle = resolve));
      socket.close();
    },
  };
}
