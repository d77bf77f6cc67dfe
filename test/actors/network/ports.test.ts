// ports.test.ts: published ports: from where they are reached, how numbers are chosen, what happens when one is taken
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { macFor } from '../../../machines/network/ipam.ts';
import { WorldFailure } from '../../../actors/world.ts';
import { eventually, givenDaemon, networkTest as test, page, pageWithin, tcp80, type Daemon } from './_network.ts';

const who = (address: string) => `http://${address}/cgi-bin/who`;
const hostPort = (ports: Record<string, { HostPort: string }[] | null>, key = '80/tcp') => Number(ports[key]![0]!.HostPort);
const hostAddress = Object.values(networkInterfaces()).flat().find((address) => address?.family === 'IPv4' && !address.internal)?.address;

/** A port that is free now; somebody quick may take it, so whoever uses it must be content with another try. */
async function freePort(host = '0.0.0.0'): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Attaches a container that runs nothing. */
async function publish(daemon: Daemon, network: Awaited<ReturnType<Daemon['network']>>, id: string, wanted: Parameters<Daemon['container']>[1]) {
  await daemon.networks.openSandbox(id);
  return daemon.networks.attach(id, id, network, daemon.endpoint(network, id), wanted ?? []);
}

test('a published port is reached at 127.0.0.1, at ::1, at the address of the host, from other containers and from itself', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const container = await daemon.container(network, tcp80(''));
  const [neighbour, stranger] = [await daemon.container(network), await daemon.container(await daemon.network())];
  t.deepEqual(container.ports['80/tcp']!.map(({ HostIp }) => HostIp), ['0.0.0.0', '::']);
  const port = hostPort(container.ports);
  t.is(container.ports['80/tcp']![1]!.HostPort, String(port), 'one number for both');
  t.regex(await page(who(`127.0.0.1:${port}`)), new RegExp(`^${container.id} `));
  t.regex(await page(who(`[::1]:${port}`)), new RegExp(`^${container.id} `));
  const addresses = [network.ipv4!.gateway, ...(hostAddress === undefined ? [] : [hostAddress])];
  for (const address of addresses) {
    t.regex(await page(who(`${address}:${port}`)), new RegExp(`^${container.id} `), `host to ${address}`);
    for (const { id, namespace } of [container, neighbour, stranger]) {
      t.regex(await pageWithin(namespace, who(`${address}:${port}`)), new RegExp(`^${container.id} `), `${id} to ${address}`);
    }
  }
});

test('a port published on 127.0.0.1 is reached there alone', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const container = await daemon.container(network, tcp80('', '127.0.0.1'));
  const port = hostPort(container.ports);
  t.deepEqual(container.ports, { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] });
  t.regex(await page(who(`127.0.0.1:${port}`)), new RegExp(`^${container.id} `));
  await t.throwsAsync(page(who(`[::1]:${port}`)));
  await t.throwsAsync(page(who(`${network.ipv4!.gateway}:${port}`)));
});

test('a network may have another address to publish on', async (t) => {
  const daemon = await givenDaemon(t);
  const container = await daemon.container(await daemon.network({ hostAddress: '127.0.0.1' }), tcp80(''));
  t.deepEqual(container.ports['80/tcp']!.map(({ HostIp }) => HostIp), ['127.0.0.1']);
});

test('a udp port is reached from the host', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const container = await daemon.container(network, [{ containerPort: 5353, protocol: 'udp', bindings: [{ HostIp: '', HostPort: '' }] }]);
  const echo = `require('node:dgram').createSocket('udp4').on('message', function (text, from) { this.send('echo ' + text, from.port, from.address); }).bind(5353)`;
  const server = spawn('nsenter', [`--net=${container.namespace}`, process.execPath, '-e', echo], { stdio: 'ignore' });
  t.teardown(() => void server.kill('SIGKILL'));
  for (const [type, address] of [['udp4', '127.0.0.1'], ['udp6', '::1'], ['udp4', network.ipv4!.gateway]] as const) {
    const client = createSocket(type);
    t.teardown(() => void client.close());
    let answer = '';
    client.on('message', (text) => (answer = String(text)));
    client.on('error', () => undefined);
    await eventually(`an answer from ${address}`, async () => {
      client.send('hello', hostPort(container.ports, '5353/udp'), address);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return answer !== '';
    });
    t.is(answer, 'echo hello');
  }
});

test('a port that another container has is refused, and had again when it is closed', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const port = hostPort(await publish(daemon, network, 'first', tcp80('')));
  const refused = await t.throwsAsync(publish(daemon, network, 'second', [...tcp80(''), ...tcp80(String(port))]), { instanceOf: WorldFailure });
  t.regex(refused!.message, new RegExp(`^driver failed programming external connectivity on endpoint second \\(e[\\d.]+\\): Bind for 0\\.0\\.0\\.0:${port} failed: port is already allocated$`));
  t.is((refused as WorldFailure).failure.reason, 'portInUse');
  t.is((await daemon.keeper.published()).length, 2, 'what the second had got is let go');
  await t.throwsAsync(publish(daemon, network, 'third', tcp80(String(port), '127.0.0.1')), { message: /127\.0\.0\.1:\d+ failed: port is already allocated/ });
  await daemon.networks.closeSandbox('first');
  t.is(hostPort(await daemon.networks.attach('second', 'second', network, daemon.endpoint(network, 'second'), tcp80(String(port)))), port);
});

test('a port that another program has is refused', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const server = createServer().listen(0, '0.0.0.0');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const refused = await t.throwsAsync(publish(daemon, network, 'web', tcp80(String(port))), { instanceOf: WorldFailure });
  t.regex(refused!.message, new RegExp(`on endpoint web \\(e([\\d.]+)\\): failed to bind host port for 0\\.0\\.0\\.0:${port}:\\d+\\.\\d+\\.\\d+\\.\\d+:80/tcp: address already in use$`));
  t.is((refused as WorldFailure).failure.reason, 'portInUse');
  t.deepEqual(await daemon.keeper.published(), []);
});

test('another daemon\'s port is refused as well', async (t) => {
  const [daemon, neighbour] = [await givenDaemon(t), await givenDaemon(t)];
  const port = hostPort(await publish(neighbour, await neighbour.network(), 'theirs', tcp80('')));
  await t.throwsAsync(publish(daemon, await daemon.network(), 'ours', tcp80(String(port))), { message: /address already in use$/ });
});

test('an address that the host does not have is refused', async (t) => {
  const daemon = await givenDaemon(t);
  const refused = await t.throwsAsync(publish(daemon, await daemon.network(), 'web', tcp80('0', '203.0.113.77')), { instanceOf: WorldFailure });
  t.regex(refused!.message, /203\.0\.113\.77/);
  t.deepEqual(await daemon.keeper.published(), []);
});

test('the first free port of a range is taken', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  // Somebody else may take a neighbouring number at any moment: then the next range is tried.
  await eventually('a free range', async () => {
    const first = await freePort();
    if (first > 65_000) return false;
    const range = `${first}-${first + 1}`;
    const ids = ['one', 'two', 'three'].map((id) => `${id}-${first}`);
    try {
      const [one, two] = [await publish(daemon, network, ids[0]!, tcp80(range)), await publish(daemon, network, ids[1]!, tcp80(range))];
      t.deepEqual([hostPort(one), hostPort(two)], [first, first + 1]);
    } catch {
      return false;
    }
    await t.throwsAsync(publish(daemon, network, ids[2]!, tcp80(range)), { message: /: all ports are allocated$/ });
    return true;
  });
});

test('any free port is of the kernel\'s range, another for each', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const found = await Promise.all(Array.from({ length: 5 }, async (_, index) => hostPort(await publish(daemon, network, `c${index}`, tcp80('')))));
  t.is(new Set(found).size, 5);
  t.true(found.every((port) => port >= 1024));
});

test('sctp and several bindings of one port', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const any = { HostIp: '127.0.0.1', HostPort: '' };
  const ports = await publish(daemon, network, 'web', [
    { containerPort: 80, protocol: 'tcp', bindings: [any, any] },
    { containerPort: 81, protocol: 'sctp', bindings: [{ HostIp: '0.0.0.0', HostPort: '' }] },
  ]);
  t.is(ports['80/tcp']!.length, 2);
  t.not(ports['80/tcp']![0]!.HostPort, ports['80/tcp']![1]!.HostPort);
  t.is(ports['81/sctp']!.length, 1);
  const address = (await daemon.keeper.published())[0]!.targetIp;
  const again = daemon.again();
  const endpoint = { endpointId: 'e', containerId: 'web', address, prefixLength: 16, mac: macFor(address), aliases: [] };
  t.deepEqual(await again.attach('web', 'web', network, endpoint, []), ports);
});
