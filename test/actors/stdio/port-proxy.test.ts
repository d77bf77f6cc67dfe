// port-proxy.test.ts: host ports that the keeper holds for containers
import test, { type ExecutionContext } from 'ava';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Keeper, ProxiedPort } from '../../../actors/stdio/keeper-client.ts';
import { house as ownHouse, newId, sharedHouse } from './_streams.ts';

const house = sharedHouse();

/** A service in the place of a container's. */
async function service(t: ExecutionContext, serve: (socket: Socket) => void, host = '127.0.0.1'): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  t.teardown(() => void server.close());
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

const to = (targetPort: number, more: Partial<ProxiedPort> = {}): ProxiedPort => ({
  key: newId(), protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 0, targetIp: '127.0.0.1', targetPort, ...more,
});

/** Sends, ends, and gives all that comes back. */
async function talk(port: number, request: string | Buffer, host = '127.0.0.1'): Promise<Buffer> {
  const socket = connect({ port, host, allowHalfOpen: true });
  socket.end(request);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Publishes where the kernel gives no ports out by itself: nobody takes the port while it is closed for a moment. */
async function published(keeper: Keeper, port: ProxiedPort): Promise<number> {
  for (;;) {
    const hostPort = 20_000 + Math.floor(Math.random() * 12_000);
    try {
      return await keeper.publish({ ...port, hostPort });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}

const refused = async (port: number): Promise<boolean> => {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.destroy();
    return false;
  } catch {
    return true;
  }
};

test('a connection to a published port reaches the service, and its answer comes back after the request has ended', async (t) => {
  const { keeper } = await house();
  const target = await service(t, (socket) => {
    let text = '';
    socket.on('data', (chunk) => void (text += chunk)).on('end', () => socket.end(`heard ${text}`));
  });
  const port = to(target);
  const hostPort = await published(keeper, port);
  t.is((await talk(hostPort, 'hello')).toString(), 'heard hello');
  t.true((await keeper.published()).some((each) => each.key === port.key && each.hostPort === hostPort));
  await keeper.unpublish(port.key);
  await keeper.unpublish(port.key);
  t.true(await refused(hostPort));
});

test('much data goes through whole in both directions', async (t) => {
  const { keeper } = await house();
  const target = await service(t, (socket) => socket.pipe(socket));
  const hostPort = await keeper.publish(to(target));
  const sent = Buffer.alloc(8_000_000);
  for (let at = 0; at < sent.length; at += 4) sent.writeUInt32BE(at, at);
  t.true((await talk(hostPort, sent)).equals(sent));
});

test('IPv6 alone is listened to when an IPv6 address is asked for', async (t) => {
  const { keeper } = await house();
  const target = await service(t, (socket) => socket.end('six'));
  const four = await published(keeper, to(target));
  try {
    t.is(await keeper.publish(to(target, { hostIp: '::1', hostPort: four })), four);
    t.is((await talk(four, '', '::1')).toString(), 'six');
  } catch (error) {
    if (!['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    t.log('this machine has no ::1');
  }
  t.is((await talk(four, '')).toString(), 'six');
});

test('a port in use is an error that says so, and the port is free again after its owner left', async (t) => {
  const { keeper } = await house();
  const taken = await service(t, (socket) => socket.end());
  await t.throwsAsync(keeper.publish(to(1, { hostPort: taken })), { code: 'EADDRINUSE' });
  const first = to(1);
  const hostPort = await published(keeper, first);
  await t.throwsAsync(keeper.publish(to(2, { hostPort })), { code: 'EADDRINUSE' });
  await keeper.unpublish(first.key);
  t.is(await keeper.publish(to(2, { hostPort })), hostPort);
});

test('publishing the same again changes nothing, and another target under the same key replaces it', async (t) => {
  const { keeper } = await house();
  const [one, two] = [await service(t, (socket) => socket.end('one')), await service(t, (socket) => socket.end('two'))];
  const port = to(one);
  const hostPort = await published(keeper, port);
  t.is(await keeper.publish(port), hostPort);
  t.is(await keeper.publish({ ...port, hostPort }), hostPort);
  t.is((await talk(hostPort, '')).toString(), 'one');
  t.is(await keeper.publish({ ...port, hostPort, targetPort: two }), hostPort);
  t.is((await talk(hostPort, '')).toString(), 'two');
});

test('a service that does not listen costs its client the connection and nobody else anything', async (t) => {
  const { keeper } = await house();
  const hostPort = await keeper.publish(to(1));
  const answer = await talk(hostPort, 'hello').catch(() => Buffer.alloc(0));
  t.is(answer.length, 0);
  t.true((await keeper.published()).length > 0);
});

test('published ports stay when the keeper is killed and replaced', async (t) => {
  const dock = await ownHouse(t);
  const target = await service(t, (socket) => socket.end('still here'));
  const hostPort = await published(dock.keeper, to(target));
  const udp = await published(dock.keeper, to(target, { protocol: 'udp' }));
  process.kill(dock.keeper.pid, 'SIGKILL');
  t.deepEqual((await dock.keeper.published()).map((port) => port.hostPort), [hostPort, udp]);
  t.is((await talk(hostPort, '')).toString(), 'still here');
});

/** Sends again until an answer comes: datagrams may be lost. */
async function ask(socket: UdpSocket, port: number, question: string): Promise<string> {
  const answered = once(socket, 'message') as Promise<[Buffer]>;
  const send = (): void => socket.send(question, port, '127.0.0.1');
  send();
  const again = setInterval(send, 500);
  try {
    return (await answered)[0].toString();
  } finally {
    clearInterval(again);
  }
}

test('datagrams reach the service, and each client gets its own answers', async (t) => {
  const { keeper } = await house();
  const server = createSocket('udp4');
  t.teardown(() => void server.close());
  server.on('message', (message, from) => server.send(`heard ${message.toString()}`, from.port, from.address));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const port = to(server.address().port, { protocol: 'udp' });
  const hostPort = await published(keeper, port);
  const clients = [createSocket('udp4'), createSocket('udp4')];
  t.teardown(() => clients.forEach((client) => client.close()));
  t.deepEqual(await Promise.all(clients.map((client, index) => ask(client, hostPort, `${index}`))), ['heard 0', 'heard 1']);
  await t.throwsAsync(keeper.publish(to(1, { protocol: 'udp', hostPort })), { code: 'EADDRINUSE' });
  await keeper.unpublish(port.key);
  t.is(await keeper.publish(to(1, { protocol: 'udp', hostPort })), hostPort);
});
