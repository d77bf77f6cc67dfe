// connection.ts: a connection that leaves HTTP: attach and exec talk over it in both directions
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Node hands a connection over by itself only when the client asks for an upgrade. Docker's older clients do not ask:
 * then Node's parser must be kept from what follows. A listener for data makes Node's HTTP server stop reading
 * from the handle directly; without the parser's own listeners all bytes are ours. Such a client has to wait for its answer
 * before it sends more, as they do: what comes sooner is taken for its next request.
 */
export function handOver(request: IncomingMessage, response: ServerResponse, type: string): Duplex {
  const { socket } = request;
  const upgrade = request.headers.upgrade;
  response.detachSocket(socket);
  if (!taken.has(request)) {
    socket.on('data', () => undefined);
    socket.pause();
    for (const event of ['data', 'end', 'drain', 'error', 'timeout']) socket.removeAllListeners(event);
    socket.on('error', () => socket.destroy());
    socket.setTimeout(0);
  }
  socket.write(
    upgrade === undefined
      ? `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n\r\n`
      : `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${type}\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`,
  );
  return socket;
}

const taken = new WeakSet<IncomingMessage>();

/** A response for a request that asked for an upgrade, so that it may be refused like any other. */
export function responseFor(request: IncomingMessage, socket: Duplex, head: Buffer): ServerResponse {
  taken.add(request);
  socket.on('error', () => socket.destroy());
  if (head.length > 0) socket.unshift(head);
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(request.socket);
  response.on('finish', () => {
    response.detachSocket(request.socket);
    socket.end();
  });
  return response;
}
