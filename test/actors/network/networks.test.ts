// networks.test.ts: containers on bridge networks: addresses, who reaches whom, repair after crashes
import { readdirSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { WorldFailure } from '../../../actors/world.ts';
import { macFor, overlaps } from '../../../machines/network/ipam.ts';
import { eventually, givenDaemon, networkTest as test, page, pageWithin, reaches, run, serve, within } from './_network.ts';

const who = (address: string) => `http://${address}/cgi-bin/who`;

test('a container has its address, MAC address and default route, and a loopback', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const { namespace, address } = await daemon.container(network);
  const links = await within(namespace, 'ip', 'addr');
  t.regex(links, new RegExp(`inet ${address}/\\d+ `));
  t.true(links.includes(`link/ether ${macFor(address)}`));
  t.regex(links, /inet 127\.0\.0\.1\/8/);
  t.false(links.includes('inet6 fe80'), 'no IPv6 address is made up');
  t.regex(await within(namespace, 'ip', 'route'), new RegExp(`default via ${network.ipv4!.gateway} dev eth0`));
});

test('containers of a network reach each other and the host reaches them', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const [one, other] = [await daemon.container(network), await daemon.container(network)];
  t.is(await pageWithin(one.namespace, who(other.address)), `${other.id} ${one.address}`);
  t.true(await reaches(one.namespace, other.address));
  t.is(await page(who(one.address)), `${one.id} ${network.ipv4!.gateway}`);
  await t.notThrowsAsync(within(one.namespace, 'ping', '-c', '1', '-W', '20', other.address));
});

test('many containers are connected at once', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const ids = Array.from({ length: 24 }, (_, index) => `many${index}`);
  await Promise.all(ids.map(async (id) => {
    await daemon.networks.openSandbox(id);
    await daemon.networks.attach(id, id, network, daemon.endpoint(network, id), [{ containerPort: 80, protocol: 'tcp', bindings: [{ HostIp: '', HostPort: '' }] }]);
  }));
  t.deepEqual((await daemon.networks.sandboxes()).toSorted(), ids.toSorted());
  const rules = (await run('iptables-save', '-t', 'nat')).split('\n').filter((line) => line.startsWith(`-A TLY-${daemon.instance}-NAT`));
  t.is(rules.length, ids.length);
  await Promise.all(ids.map((id) => daemon.networks.closeSandbox(id)));
  t.deepEqual(await daemon.networks.sandboxes(), []);
  t.deepEqual(await daemon.keeper.published(), []);
  t.false((await run('iptables-save', '-t', 'nat')).includes(`-A TLY-${daemon.instance}-NAT`));
});

test('containers of two networks are kept apart, also those of two daemons', async (t) => {
  const [daemon, neighbour] = [await givenDaemon(t), await givenDaemon(t)];
  const [one, other] = [await daemon.container(await daemon.network()), await daemon.container(await daemon.network())];
  const foreign = await neighbour.container(await neighbour.network());
  for (const [from, to] of [[one, other], [one, foreign], [foreign, one]] as const) {
    t.false(await reaches(from.namespace, to.address), `${from.id} to ${to.id}`);
  }
});

test('icc=false keeps the containers of a network apart, not the host from them', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network({ icc: false });
  const [one, other] = [await daemon.container(network), await daemon.container(network)];
  t.false(await reaches(one.namespace, other.address));
  t.is(await page(who(one.address)), `${one.id} ${network.ipv4!.gateway}`);
});

/** A machine outside: a namespace behind a link with addresses of the range for benchmarks, 198.18.0.0/15. */
async function givenOutside(t: Parameters<typeof givenDaemon>[0], daemon: Awaited<ReturnType<typeof givenDaemon>>) {
  const hash = createHash('sha256').update(daemon.execRoot).digest();
  const prefix = `198.${18 + (hash[0]! & 1)}.${hash[1]}`;
  const host = (hash[2]! & 0x3f) * 4;
  const [link, namespace] = [`to${daemon.instance}`, join(daemon.execRoot, 'outside')];
  writeFileSync(namespace, '');
  await run('unshare', `--net=${namespace}`, 'ip', 'link', 'set', 'lo', 'up');
  await run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
  t.teardown(async () => {
    await run('ip', 'link', 'del', link);
    await run('umount', namespace);
  });
  await run('ip', 'addr', 'add', `${prefix}.${host + 1}/30`, 'dev', link);
  await run('ip', 'link', 'set', link, 'up');
  await within(namespace, 'ip', 'addr', 'add', `${prefix}.${host + 2}/30`, 'dev', 'eth0');
  await within(namespace, 'ip', 'link', 'set', 'eth0', 'up');
  const server = serve(daemon.execRoot, 'outside', namespace);
  t.teardown(() => void server.kill('SIGKILL'));
  await eventually('the server outside', () => pageWithin(namespace, who('127.0.0.1')));
  return { namespace, host: `${prefix}.${host + 1}`, address: `${prefix}.${host + 2}` };
}

test('a container reaches the outside with the address of the host, and is not reached from there', async (t) => {
  const daemon = await givenDaemon(t);
  const container = await daemon.container(await daemon.network());
  const outside = await givenOutside(t, daemon);
  t.is(await eventually('the way out', () => pageWithin(container.namespace, who(outside.address))), `outside ${outside.host}`);
  await within(outside.namespace, 'ip', 'route', 'add', 'default', 'via', outside.host);
  t.false(await reaches(outside.namespace, container.address));
});

test('a published port is reached from outside', async (t) => {
  const daemon = await givenDaemon(t);
  const container = await daemon.container(await daemon.network(), [{ containerPort: 80, protocol: 'tcp', bindings: [{ HostIp: '', HostPort: '' }] }]);
  const outside = await givenOutside(t, daemon);
  const port = container.ports['80/tcp']![0]!.HostPort;
  t.is(await eventually('the way in', () => pageWithin(outside.namespace, who(`${outside.host}:${port}`))), `${container.id} ${outside.address}`);
});

test('an internal network has no way out', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network({ internal: true });
  const [one, other] = [await daemon.container(network), await daemon.container(network)];
  const outside = await givenOutside(t, daemon);
  t.is(await within(one.namespace, 'ip', 'route').then((routes) => routes.includes('default')), false);
  t.is(await pageWithin(one.namespace, who(other.address)), `${other.id} ${one.address}`);
  await within(one.namespace, 'ip', 'route', 'add', 'default', 'via', network.ipv4!.gateway);
  t.false(await reaches(one.namespace, outside.address));
});

test('a container is on two networks with one default route, and leaves one of them', async (t) => {
  const daemon = await givenDaemon(t);
  const [first, second] = [await daemon.network(), await daemon.network()];
  const [container, other] = [await daemon.container(first), await daemon.container(second)];
  await daemon.networks.attach(container.id, 'web', second, daemon.endpoint(second, container.id), []);
  const routes = await within(container.namespace, 'ip', 'route');
  t.is(routes.match(/default/g)?.length, 1);
  t.regex(await pageWithin(container.namespace, who(other.address)), new RegExp(`^${other.id} `));
  await daemon.networks.detach(container.id, second.id);
  t.false((await within(container.namespace, 'ip', 'addr')).includes('eth1'));
  t.is(await page(who(container.address)), `${container.id} ${first.ipv4!.gateway}`);
});

test('an address can be given to another container at once', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const endpoint = daemon.endpoint(network, 'reused');
  for (const id of ['first', 'second', 'third']) {
    const namespace = await daemon.networks.openSandbox(id);
    await daemon.networks.attach(id, id, network, { ...endpoint, containerId: id }, []);
    const server = serve(daemon.execRoot, id, namespace);
    t.teardown(() => void server.kill('SIGKILL'));
    t.is(await eventually(id, () => page(who(endpoint.address))), `${id} ${network.ipv4!.gateway}`);
    server.kill('SIGKILL');
    await daemon.networks.closeSandbox(id);
  }
});

test('two daemons at once find subnets and bridges of their own', async (t) => {
  const daemons = await Promise.all([givenDaemon(t), givenDaemon(t), givenDaemon(t)]);
  const networks = await Promise.all(daemons.flatMap((daemon) => [daemon.network(), daemon.network()]));
  t.is(new Set(networks.map(({ bridge }) => bridge)).size, networks.length);
  for (const [index, one] of networks.entries()) {
    for (const other of networks.slice(index + 1)) t.false(overlaps(one.ipv4!.subnet, other.ipv4!.subnet), `${one.ipv4!.subnet} ${other.ipv4!.subnet}`);
  }
});

test('flushed rules and a deleted bridge come back', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const [one, other] = [await daemon.container(network, [{ containerPort: 80, protocol: 'tcp', bindings: [{ HostIp: '', HostPort: '' }] }]), await daemon.container(network)];
  const rules = async () => (await run('iptables-save')).split('\n').filter((line) => line.includes(`TLY-${daemon.instance}`)).toSorted();
  const before = await rules();
  t.true(before.length > 10);
  for (const [table, chain] of [['filter', 'FWD'], ['nat', 'NAT'], ['nat', 'OUT'], ['mangle', 'GUARD']] as const) {
    const name = `TLY-${daemon.instance}-${chain}`;
    const jump = (await rules()).filter((line) => line.endsWith(`-j ${name}`));
    for (const line of jump) await run('iptables', '-w', '-t', table, ...line.replace(/^-A/, '-D').split(' '));
    await run('iptables', '-w', '-t', table, '-F', name);
    await run('iptables', '-w', '-t', table, '-X', name);
  }
  await run('ip', 'link', 'del', network.bridge);
  await daemon.networks.ensure(network);
  t.deepEqual(await rules(), before);
  t.is(await eventually('the other', () => pageWithin(one.namespace, who(other.address))), `${other.id} ${one.address}`);
  await daemon.networks.ensure(network);
  t.deepEqual(await rules(), before);
});

test('a daemon that was killed finds its networks and sandboxes again, and containers notice nothing', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const publish = [{ containerPort: 80, protocol: 'tcp' as const, bindings: [{ HostIp: '', HostPort: '' }] }];
  const container = await daemon.container(network, publish);
  await daemon.networks.openSandbox('opened-only');
  await daemon.networks.close();
  // Made in advance, and nobody's when the daemon was killed.
  const folder = join(daemon.execRoot, 'network', 'namespaces');
  const spare = `tv${daemon.instance}-zz`;
  writeFileSync(join(folder, spare), '');
  await run('unshare', `--net=${join(folder, spare)}`, 'ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', spare, 'netns', String(process.pid));
  const again = daemon.again();
  await again.ensure(network);
  t.deepEqual((await again.sandboxes()).toSorted(), [container.id, 'opened-only'].toSorted());
  t.is(await again.openSandbox(container.id), container.namespace);
  const endpoint = { endpointId: 'e', containerId: container.id, address: container.address, prefixLength: 16, mac: '02:42:00:00:00:01', aliases: [] };
  t.deepEqual(await again.attach(container.id, 'web', network, endpoint, publish), container.ports);
  t.is(await page(who(`127.0.0.1:${container.ports['80/tcp']![0]!.HostPort}`)), `${container.id} ${network.ipv4!.gateway}`);
  await again.closeSandbox('opened-only');
  await again.closeSandbox(container.id);
  await again.close();
  t.deepEqual(readdirSync(folder), []);
  await eventually('the spare link', async () => !readdirSync('/sys/class/net').includes(spare));
  t.deepEqual(await daemon.keeper.published(), []);
});

test('an attachment cut off by a crash is made anew', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  const container = await daemon.container(network);
  const file = join(daemon.execRoot, 'network', 'sandboxes', `${container.id}.json`);
  const record = JSON.parse(await run('cat', file)) as { attachments: { state: string }[] };
  record.attachments[0]!.state = 'connecting';
  writeFileSync(file, JSON.stringify(record));
  // Published, and killed before it was written down.
  await daemon.keeper.publish({ key: `${container.id}/80/tcp/0/127.0.0.1`, protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 0, targetIp: container.address, targetPort: 80 });
  const [orphan] = await daemon.keeper.published();
  const again = daemon.again();
  await again.ensure(network);
  const endpoint = { endpointId: 'e', containerId: container.id, address: container.address, prefixLength: 16, mac: '02:42:00:00:00:02', aliases: [] };
  const ports = await again.attach(container.id, 'web', network, endpoint, [{ containerPort: 80, protocol: 'tcp', bindings: [{ HostIp: '127.0.0.1', HostPort: '' }] }]);
  t.is(ports['80/tcp']![0]!.HostPort, String(orphan!.hostPort));
  t.is(await eventually('the server', () => page(who(`127.0.0.1:${orphan!.hostPort}`))), `${container.id} ${network.ipv4!.gateway}`);
});

test('what cannot be connected is undone, and what is no address is refused', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  await daemon.networks.openSandbox('half');
  const endpoint = daemon.endpoint(network, 'half');
  const publish = [{ containerPort: 80, protocol: 'tcp' as const, bindings: [{ HostIp: '', HostPort: '' }] }];
  // A prefix that does not reach the gateway: the default route is refused by the kernel.
  await t.throwsAsync(daemon.networks.attach('half', 'half', network, { ...endpoint, prefixLength: 32 }, publish), { instanceOf: WorldFailure });
  t.deepEqual(await daemon.keeper.published(), []);
  t.false((await run('iptables-save', '-t', 'nat')).includes(`-A TLY-${daemon.instance}-NAT`));
  t.deepEqual(Object.keys(await daemon.networks.attach('half', 'half', network, endpoint, publish)), ['80/tcp']);
  await t.throwsAsync(daemon.networks.attach('half', 'half', network, { ...endpoint, address: '1\nlink del lo' }, []), { message: /invalid address/ });
  await t.throwsAsync(daemon.networks.ensure({ ...network, id: 'bad', bridge: 'a b' }), { message: 'invalid bridge name a b' });
});

test('with iptables=false no rule is made', async (t) => {
  const daemon = await givenDaemon(t, { iptables: false });
  const container = await daemon.container(await daemon.network());
  t.regex(await page(who(container.address)), new RegExp(`^${container.id} `));
  t.false((await run('iptables-save')).includes(`TLY-${daemon.instance}`));
});

test('nothing is left behind', async (t) => {
  const daemon = await givenDaemon(t);
  const network = await daemon.network();
  await daemon.container(network, [{ containerPort: 80, protocol: 'tcp', bindings: [{ HostIp: '', HostPort: '' }] }]);
  const gone = await daemon.network();
  await daemon.networks.remove(gone);
  await daemon.networks.remove(gone);
  t.false(readdirSync('/sys/class/net').includes(gone.bridge));
  t.true((await daemon.leftovers()).length > 0);
  await daemon.networks.dispose();
  t.deepEqual(await daemon.leftovers(), []);
  t.deepEqual(await daemon.keeper.published(), []);
  await daemon.networks.dispose();
});
