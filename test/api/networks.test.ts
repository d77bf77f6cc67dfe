// networks.test.ts: networks and volumes through the Docker API
import test from 'ava';
import { api } from './_api.ts';

test('the networks bridge, host and none are there from the beginning, and cannot be removed', async (t) => {
  const { ask } = await api(t);
  const { value } = await ask('GET', '/networks');
  t.deepEqual(value.map(({ Name, Driver }: { Name: string; Driver: string }) => `${Name} ${Driver}`).sort(), ['bridge bridge', 'host host', 'none null']);
  const { status, value: refusal } = await ask('DELETE', '/networks/bridge');
  t.deepEqual([status, refusal.message], [403, 'bridge is a pre-defined network and cannot be removed']);
});

test('a network is made with what was asked for, found by name and beginning of its id, and removed', async (t) => {
  const { ask } = await api(t);
  const made = await ask('POST', '/networks/create', {
    Name: 'backend', Internal: true, Labels: { a: 'b' }, IPAM: { Config: [{ Subnet: '10.77.0.0/16', IPRange: '10.77.5.0/24', Gateway: '10.77.0.9' }] },
  });
  t.is(made.status, 201);
  const { Id } = made.value;
  for (const name of ['backend', Id, Id.slice(0, 10)]) {
    const { value } = await ask('GET', `/networks/${name}`);
    t.like(value, { Name: 'backend', Id, Driver: 'bridge', Internal: true, Labels: { a: 'b' }, Containers: {} });
    t.deepEqual(value.IPAM.Config, [{ Subnet: '10.77.0.0/16', IPRange: '10.77.5.0/24', Gateway: '10.77.0.9' }]);
  }
  t.is((await ask('DELETE', '/networks/backend')).status, 204);
  t.deepEqual((await ask('GET', '/networks/backend')).value, { message: 'network backend not found' });
});

test('a network that is asked for with addresses or names in use is refused', async (t) => {
  const { ask } = await api(t);
  const create = async (body: object) => {
    const { status, value } = await ask('POST', '/networks/create', body);
    return [status, value.message];
  };
  await create({ Name: 'one', IPAM: { Config: [{ Subnet: '10.5.0.0/16' }] } });
  t.deepEqual(await create({ Name: 'one' }), [409, 'network with name one already exists']);
  t.deepEqual(await create({ Name: 'two', IPAM: { Config: [{ Subnet: '10.5.1.0/24' }] } }), [403, 'invalid pool request: Pool overlaps with other one on this address space']);
  t.deepEqual(await create({ Name: 'two', Driver: 'nope' }), [404, 'plugin "nope" not found']);
  t.deepEqual(await create({ Name: 'bridge' }), [403, 'operation is not permitted on predefined bridge network ']);
  t.deepEqual(await create({ Name: '' }), [400, 'invalid name: name is empty']);
  t.is((await create({ Name: 'two', IPAM: { Config: [{ Subnet: '10.1.0.0/99' }] } }))[0], 400);
  t.is((await create({ Name: 'two', IPAM: { Config: [{ Subnet: '10.1.0.0/16', Gateway: '10.2.0.1' }] } }))[0], 400);
  t.is((await create({ Name: 7 }))[0], 400);
});

test('networks that are made at once get subnets of their own', async (t) => {
  const { ask } = await api(t);
  await Promise.all(Array.from({ length: 8 }, (_, index) => ask('POST', '/networks/create', { Name: `n${index}` })));
  const subnets = (await ask('GET', '/networks?filters={"driver":["bridge"]}')).value.map((each: { IPAM: { Config: { Subnet: string }[] } }) => each.IPAM.Config[0]!.Subnet);
  t.is(new Set(subnets).size, 9);
});

test('a running container is told in its network, which cannot be removed under it', async (t) => {
  const { ask } = await api(t);
  await ask('POST', '/images/create?fromImage=busybox&tag=latest');
  await ask('POST', '/networks/create', { Name: 'backend' });
  const { Id } = (await ask('POST', '/containers/create?name=web', { Image: 'busybox', Cmd: ['top'], HostConfig: { NetworkMode: 'backend' } })).value;
  await ask('POST', `/containers/${Id}/start`);
  const { value } = await ask('GET', '/networks/backend');
  t.is(value.Containers[Id].Name, 'web');
  t.regex(value.Containers[Id].IPv4Address, /^172\.\d+\.0\.2\/16$/);
  t.is((await ask('DELETE', '/networks/backend')).status, 403);
  t.deepEqual((await ask('POST', '/networks/prune')).value, { NetworksDeleted: null });
  await ask('POST', `/containers/${Id}/kill`);
  await ask('POST', `/containers/${Id}/wait`);
  t.deepEqual((await ask('POST', '/networks/prune')).value, { NetworksDeleted: ['backend'] });
});

test('networks are listed by name, id, label, type and use', async (t) => {
  const { ask } = await api(t);
  const { Id } = (await ask('POST', '/networks/create', { Name: 'backend', Labels: { a: 'b' } })).value;
  const list = async (filters: object) =>
    (await ask('GET', `/networks?filters=${encodeURIComponent(JSON.stringify(filters))}`)).value.map(({ Name }: { Name: string }) => Name);
  for (const filters of [{ name: ['back'] }, { id: [Id.slice(0, 12)] }, { label: ['a=b'] }, { type: ['custom'] }, { dangling: ['true'] }, { label: { a: true } }]) {
    t.deepEqual(await list(filters), ['backend'], JSON.stringify(filters));
  }
  t.is((await list({ type: ['builtin'] })).length, 3);
  t.is((await ask('GET', '/networks?filters={"nope":["a"]}')).status, 400);
});

test('a volume is made once, with a name or without, and removed', async (t) => {
  const { ask } = await api(t);
  const made = await ask('POST', '/volumes/create', { Name: 'data', Labels: { a: 'b' } });
  t.is(made.status, 201);
  t.like(made.value, { Name: 'data', Driver: 'local', Scope: 'local', Labels: { a: 'b' }, Options: null });
  t.regex(made.value.Mountpoint, /\/volumes\/data\/_data$/);
  t.is((await ask('POST', '/volumes/create', { Name: 'data' })).value.CreatedAt, made.value.CreatedAt);
  t.regex((await ask('POST', '/volumes/create', {})).value.Name, /^[0-9a-f]{64}$/);
  t.is((await ask('GET', '/volumes')).value.Volumes.length, 2);
  t.is((await ask('GET', '/volumes?filters={"name":["dat"]}')).value.Volumes.length, 1);
  t.is((await ask('DELETE', '/volumes/data')).status, 204);
  t.deepEqual((await ask('GET', '/volumes/data')).value, { message: 'get data: no such volume' });
  t.is((await ask('DELETE', '/volumes/data')).status, 404);
  t.is((await ask('DELETE', '/volumes/data?force=1')).status, 204);
});

test('a volume of a bad name or an unknown driver is refused with a sentence', async (t) => {
  const { ask } = await api(t);
  const create = async (body: object) => {
    const { status, value } = await ask('POST', '/volumes/create', body);
    return [status, value.message];
  };
  t.deepEqual(await create({ Name: 'a' }), [400, 'create a: volume name is too short, names should be at least two alphanumeric characters']);
  t.regex(String((await create({ Name: 'x/y' }))[1]), /^create x\/y: "x\/y" includes invalid characters for a local volume name/);
  t.deepEqual(await create({ Name: 'data', Driver: 'nope' }), [404, 'create data: error looking up volume plugin nope: plugin "nope" not found']);
});

test('a volume that a container names stays; a prune takes those without a name, or all', async (t) => {
  const { ask } = await api(t);
  await ask('POST', '/images/create?fromImage=busybox&tag=latest');
  for (const Name of ['used', 'free']) await ask('POST', '/volumes/create', { Name });
  const { Name: nameless } = (await ask('POST', '/volumes/create', {})).value;
  const { Id } = (await ask('POST', '/containers/create', { Image: 'busybox', HostConfig: { Binds: ['used:/data'] } })).value;
  const { status, value } = await ask('DELETE', '/volumes/used');
  t.deepEqual([status, value.message], [409, `remove used: volume is in use - [${Id}]`]);
  t.deepEqual((await ask('POST', '/volumes/prune')).value.VolumesDeleted, [nameless]);
  t.deepEqual((await ask('POST', '/volumes/prune?filters={"all":["1"]}')).value.VolumesDeleted, ['free']);
  const usage = (await ask('GET', '/system/df')).value.Volumes;
  t.deepEqual(usage.map((each: { Name: string; UsageData: object }) => [each.Name, each.UsageData]), [['used', { RefCount: 1, Size: 0 }]]);
});
