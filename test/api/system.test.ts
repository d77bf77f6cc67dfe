// system.test.ts: what the daemon tells of itself
import test from 'ava';
import { rows } from '../../api/docker/rows.ts';
import { statusOfRefusal } from '../../api/docker/status.ts';
import { refusals } from '../../machines/refusal.ts';
import { api } from './_api.ts';
import { operations } from './_schema.ts';

test('a client finds out with a ping which version to speak', async (t) => {
  const { ask } = await api(t);
  const ping = await ask('GET', '/_ping');
  t.is(ping.text, 'OK');
  const { 'api-version': version, 'cache-control': cache, pragma, 'builder-version': builder, swarm, 'content-type': type } = ping.headers;
  t.deepEqual([version, cache, pragma, builder, swarm, type], ['1.51', 'no-cache, no-store, must-revalidate', 'no-cache', '1', 'inactive', 'text/plain; charset=utf-8']);
  const head = await ask('HEAD', '/_ping');
  t.deepEqual([head.status, head.headers['content-length'], head.text], [200, '0', '']);
});

test('the version tells of the engine and of what is below it', async (t) => {
  const { ask } = await api(t);
  const { value } = await ask('GET', '/version');
  t.is(value.ApiVersion, '1.51');
  t.is(value.MinAPIVersion, '1.24');
  t.deepEqual(value.Components.map(({ Name }: { Name: string }) => Name), ['Engine', 'containerd', 'runc']);
});

test('the information counts containers and images, and has the fields of the version that is spoken', async (t) => {
  const { ask } = await api(t);
  await ask('POST', '/images/create?fromImage=busybox&tag=latest');
  const { Id } = (await ask('POST', '/containers/create', { Image: 'busybox', Cmd: ['top'] })).value;
  await ask('POST', `/containers/${Id}/start`);
  await ask('POST', '/containers/create', { Image: 'busybox' });
  const { value } = await ask('GET', '/info');
  t.like(value, { Containers: 2, ContainersRunning: 1, ContainersStopped: 1, ContainersPaused: 0, Images: 1, OSType: 'linux', ServerVersion: '0.1.0' });
  t.false('BridgeNfIptables' in value);
  const old = (await ask('GET', '/v1.40/info')).value;
  t.is(old.BridgeNfIptables, false);
  t.true('Expected' in old.RuncCommit);
});

test('every kind of refusal has a status', (t) => {
  t.deepEqual(Object.keys(statusOfRefusal).sort(), [...refusals].sort());
});

test('every operation of the API is answered, or says that it is not supported', (t) => {
  if (!operations) return void t.pass('the description of the API is not here');
  const answered = rows.map(({ method, path }) => `${method} ${path.replace(/\*\}/g, '}')}`);
  t.deepEqual(answered.filter((each, index) => answered.indexOf(each) !== index), [], 'twice');
  const plain = (each: string) => each.replace(/\{\w+\}/g, '{}');
  t.deepEqual(operations.map(plain).filter((each) => !answered.map(plain).includes(each)), [], 'missing');
});

test('what is not supported says so in a sentence', async (t) => {
  const { ask } = await api(t);
  const { status, value } = await ask('GET', '/v1.40/services');
  t.is(status, 501);
  t.regex(value.message, /swarm is not supported/);
});

test('there is never a build cache to prune', async (t) => {
  const { ask } = await api(t);
  t.deepEqual((await ask('POST', '/build/prune')).value, { CachesDeleted: null, SpaceReclaimed: 0 });
});

test('a daemon that is still starting answers reads', async (t) => {
  const { ask } = await api(t, { awake: false });
  t.deepEqual((await ask('GET', '/containers/json')).value, []);
  t.is((await ask('GET', '/info')).status, 200);
});
