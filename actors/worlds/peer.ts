// peer.ts: who is at the other end of a unix socket, as the kernel knows it
import { libc } from './libc.ts';

export interface PeerCredentials {
  /** Of the process that connected; it may have ended since, or have passed the socket on. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

// Linux: include/uapi/asm-generic/socket.h. The same on all architectures that Node has builds for.
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** `struct ucred`: three 32-bit integers. */
const size = 12;
const noGroup = 0xffff_ffff;

/** Null when the descriptor is no connected unix socket, or when this Node cannot ask. */
export function peerCredentials(fd: number): PeerCredentials | null {
  if (!libc || fd < 0) return null;
  const credentials = new Int32Array(size / 4);
  const length = new Uint32Array([size]);
  const failed = libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0;
  const [pid = 0, uid = 0, gid = 0] = credentials;
  // A TCP socket is answered too, with pid 0 and both ids -1.
  if (failed || length[0] !== size || (pid === 0 && uid >>> 0 === noGroup)) return null;
  return { pid, uid: uid >>> 0, gid: gid >>> 0 };
}

/** The descriptor of a socket of node:net, -1 when it is closed: Node gives it no public name. */
export function descriptorOf(socket: object): number {
  const handle = (socket as { _handle?: { fd?: number } | null })._handle;
  return handle?.fd ?? -1;
}
