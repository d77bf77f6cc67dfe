// unix-datagram.ts: the way out to the machine's own syslog and journal, whose sockets Node cannot speak to by itself
import { existsSync } from 'node:fs';
import { libc } from '../../worlds/libc.ts';
import type { Outlet, OutletSettings } from './outlet.ts';

// Linux: the same on all architectures that Node has builds for, except mips.
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const MSG_NOSIGNAL = 0x4000;
/** `struct sockaddr_un`: 2 bytes of family, 108 of path. */
const addressBytes = 110;
const retryMs = 20;
const farewellMs = 5000;

function addressOf(path: string): Buffer {
  if (Buffer.byteLength(path) > addressBytes - 3) throw new Error(`${path}: too long for the name of a socket`);
  const address = Buffer.alloc(addressBytes);
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_UNIX;
  address.write(path, 2);
  return address;
}

/** A receiver whose queue is full, or who is being restarted, is tried again; what has no room until then is lost, or waits. */
export function unixDatagramOutlet(path: string, { bufferBytes, lossy, onRelief }: OutletSettings): Outlet {
  const calls = libc;
  if (!calls) throw new Error('this Node has no node:ffi, without which no datagram can be sent to a unix socket');
  if (!existsSync(path)) throw new Error(`dial unixgram ${path}: connect: no such file or directory`);
  const address = addressOf(path);
  const fd = calls.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let timer: NodeJS.Timeout | null = null;

  const sent = (message: Buffer): boolean => calls.sendto(fd, message, BigInt(message.length), MSG_NOSIGNAL, address, addressBytes) >= 0n;
  const retry = (): void => {
    timer = null;
    for (let [next] = kept; next && sent(next); [next] = kept) keptBytes -= kept.shift()!.length;
    if (kept.length > 0) wait();
    onRelief();
  };
  const wait = (): void => {
    timer ??= setTimeout(retry, retryMs);
  };
  return {
    send(message) {
      if (kept.length === 0 && sent(message)) return;
      if (keptBytes >= bufferBytes && lossy) return;
      kept.push(message);
      keptBytes += message.length;
      wait();
    },
    congested: () => !lossy && keptBytes >= bufferBytes,
    async close() {
      for (const deadline = Date.now() + farewellMs; kept.length > 0 && Date.now() < deadline; ) {
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
      if (timer) clearTimeout(timer);
      calls.close(fd);
    },
  };
}
