// caller.ts: who a request comes from
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Caller } from '../../events/fact.ts';
import { descriptorOf, peerCredentials } from '../../actors/worlds/peer.ts';

type Peer = Omit<Caller, 'agent'>;
const peers = new WeakMap<Socket, Peer>();

/** Asked once for each connection: the peer of a unix socket is the process that opened it. */
function peerOf(socket: Socket): Peer {
  const known = peers.get(socket);
  if (known) return known;
  const peer = askPeer(socket);
  peers.set(socket, peer);
  return peer;
}

function askPeer(socket: Socket): Peer {
  if (socket instanceof TLSSocket) {
    const name = socket.getPeerCertificate().subject?.CN;
    return typeof name === 'string' ? { transport: 'tls', name } : { transport: 'tls' };
  }
  if (socket.remoteAddress !== undefined) return { transport: 'tcp', name: `${socket.remoteAddress}:${socket.remotePort}` };
  const credentials = peerCredentials(descriptorOf(socket));
  return credentials ? { transport: 'unix', uid: credentials.uid, pid: credentials.pid } : { transport: 'unix' };
}

export function callerOf(request: IncomingMessage): Caller {
  const agent = request.headers['user-agent'];
  const peer = peerOf(request.socket);
  return agent === undefined ? peer : { ...peer, agent };
}
