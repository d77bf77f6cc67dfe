// notify.ts: tells systemd, or whoever started the daemon, how far it is: sd_notify(3)
import { spawn } from 'node:child_process';
import { libc } from './worlds/libc.ts';

/** `READY=1`, `STOPPING=1`, `STATUS=...`; nothing to do when `address` ($NOTIFY_SOCKET) is empty. */
export function notify(address: string, state: string): void {
  if (!/^[/@]/.test(address)) return;
  if (libc) send(libc, address, state);
  // Node has no datagram sockets of unix: without its ffi, systemd's own program has to do it.
  else spawn('systemd-notify', [`--pid=parent`, state], { stdio: 'ignore' }).on('error', () => {});
}

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/** `struct sockaddr_un`; a name that begins with @ is in the abstract space. */
function addressOf(path: string): Buffer {
  const name = Buffer.from(path);
  if (name[0] === '@'.charCodeAt(0)) name[0] = 0;
  const family = Buffer.alloc(2);
  new Uint16Array(family.buffer, family.byteOffset, 1)[0] = AF_UNIX;
  return Buffer.concat([family, name]);
}

function send({ socket, sendto, close }: NonNullable<typeof libc>, path: string, state: string): void {
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const text = Buffer.from(state);
  const address = addressOf(path);
  sendto(fd, text, BigInt(text.length), MSG_NOSIGNAL, address, address.length);
  close(fd);
}
