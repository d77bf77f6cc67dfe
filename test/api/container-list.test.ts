// container-list.test.ts: which containers `docker ps` shows, and in which words
import test from 'ava';
import { api, type Api } from './_api.ts';
import { addImage, create, run } from './_containers.ts';
import { humanDuration } from '../../api/docker/shapes/duration.ts';

const second = 1_000_000_000n;

const names = async (docker: Api, filters: object, query = 'all=1') => {
  const { value } = await docker.ask('GET', `/containers/json?${query}&filters=${encodeURIComponent(JSON.stringify(filters))}`);
  return value.map((each: { Names: string[] }) => each.Names[0]!.slice(1)).sort();
};

test('a list has what runs, or with `all` everything, the newest first', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await create(docker, 'rest');
  await run(docker, 'one', { HostConfig: { Annotations: { a: 'b' } } });
  await run(docker, 'two');
  const listed = async (query: string) => (await docker.ask('GET', `/containers/json?${query}`)).value.map((each: { Names: string[] }) => each.Names[0]);
  t.deepEqual(await listed(''), ['/two', '/one']);
  t.deepEqual(await listed('all=true'), ['/two', '/one', '/rest']);
  t.deepEqual(await listed('limit=3'), ['/two', '/one', '/rest']);
  t.deepEqual(await listed('limit=1'), ['/two']);
  const [, one] = (await docker.ask('GET', '/containers/json?size=1')).value;
  t.like(one, { Image: 'busybox', Command: 'sleep 1000', State: 'running', SizeRw: 0, SizeRootFs: 1000, HostConfig: { NetworkMode: 'bridge', Annotations: { a: 'b' } } });
  t.like(one.NetworkSettings.Networks.bridge, { IPPrefixLen: 16 });
  t.false('Annotations' in (await docker.ask('GET', '/v1.45/containers/json')).value[1].HostConfig);
});

test('the status says how long in words', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const { clock } = docker.world.machine;
  await create(docker, 'fresh');
  await run(docker, 'web');
  await run(docker, 'done', { Cmd: ['sh', '-c', 'sleep 1; exit 3'] });
  await run(docker, 'still', { Cmd: ['top'] });
  await docker.ask('POST', '/containers/still/pause');
  await clock.advance(5n * second);
  const status = async (name: string) => (await docker.ask('GET', `/containers/json?filters={"name":["^/${name}$"]}&all=1`)).value[0].Status;
  t.is(await status('fresh'), 'Created');
  t.is(await status('web'), 'Up 5 seconds');
  t.is(await status('done'), 'Exited (3) 4 seconds ago');
  t.is(await status('still'), 'Up 5 seconds (Paused)');
  await clock.advance(2n * 3600n * second);
  t.is(await status('still'), 'Up 2 hours (Paused)');
});

test('a health check is part of the status', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await run(docker, 'web', { Healthcheck: { Test: ['CMD', 'true'], Interval: 1e9 }, Cmd: ['top'] });
  const status = async () => (await docker.ask('GET', '/containers/json')).value[0].Status;
  t.is(await status(), 'Up Less than a second (health: starting)');
  t.deepEqual(await names(docker, { health: ['starting'] }), ['web']);
  while ((await status()).includes('starting')) await docker.world.machine.clock.advance(2n * second);
  t.regex(await status(), /^Up .* \(healthy\)$/);
  t.like((await docker.ask('GET', '/containers/web/json')).value.State.Health, { Status: 'healthy', FailingStreak: 0 });
});

test('filters pick containers', async (t) => {
  const docker = await api(t);
  const image = await addImage(docker);
  await addImage(docker, 'other');
  const first = await create(docker, 'web-1', { Labels: { tier: 'front', x: '' } });
  await run(docker, 'web-2', { HostConfig: { Binds: ['data:/data'], PortBindings: { '80/tcp': [{ HostPort: '8080' }] } }, ExposedPorts: { '80/tcp': {}, '443/tcp': {} } });
  await run(docker, 'db', { Image: 'other', Cmd: ['false'], HostConfig: { NetworkMode: 'none' } });
  await docker.world.machine.clock.advance(second);
  t.deepEqual(await names(docker, { name: ['web'] }), ['web-1', 'web-2']);
  t.deepEqual(await names(docker, { name: ['^/web-1$'] }), ['web-1']);
  t.deepEqual(await names(docker, { id: [first.slice(0, 12)] }), ['web-1']);
  t.deepEqual(await names(docker, { id: [first.slice(0, 12)], name: ['db'] }), []);
  t.deepEqual(await names(docker, { label: ['tier'] }), ['web-1']);
  t.deepEqual(await names(docker, { label: { 'tier=front': true } }), ['web-1']);
  t.deepEqual(await names(docker, { label: ['tier=back'] }), []);
  t.deepEqual(await names(docker, { status: ['created', 'exited'] }, ''), ['db', 'web-1']);
  t.deepEqual(await names(docker, { exited: ['1'] }), ['db']);
  t.deepEqual(await names(docker, { exited: ['0'] }), []);
  t.deepEqual(await names(docker, { ancestor: ['busybox'] }), ['web-1', 'web-2']);
  t.deepEqual(await names(docker, { ancestor: [image.slice(7, 19)] }), ['web-1', 'web-2']);
  t.deepEqual(await names(docker, { ancestor: ['nope'] }), []);
  t.deepEqual(await names(docker, { before: ['web-2'] }), ['web-1']);
  t.deepEqual(await names(docker, { since: ['web-1'] }), ['db', 'web-2']);
  t.deepEqual(await names(docker, { network: ['none'] }), ['db']);
  t.deepEqual(await names(docker, { volume: ['data'] }), ['web-2']);
  t.deepEqual(await names(docker, { volume: ['/data'] }), ['web-2']);
  t.deepEqual(await names(docker, { publish: ['8080'] }), ['web-2']);
  t.deepEqual(await names(docker, { expose: ['440-443/tcp'] }), ['web-2']);
  t.deepEqual(await names(docker, { 'is-task': ['true'] }), []);
  t.deepEqual(await names(docker, { 'is-task': ['false'], isolation: ['default'] }), ['db', 'web-1', 'web-2']);
});

test('filters that make no sense are refused', async (t) => {
  const docker = await api(t);
  for (const filters of ['{', '{"nope":["x"]}', '{"status":["asleep"]}', '{"health":["ill"]}', '{"exited":["x"]}', '{"publish":["1:2"]}', '{"is-task":["maybe"]}']) {
    t.is((await docker.ask('GET', `/containers/json?filters=${encodeURIComponent(filters)}`)).status, 400, filters);
  }
  t.is((await docker.ask('GET', '/v1.40/containers/json?filters={"before":["nobody"]}')).status, 404);
});

test('durations are told as people say them', (t) => {
  const minute = 60;
  const hour = 60 * minute;
  const day = 24 * hour;
  const told: readonly (readonly [number, string])[] = [
    [0.5, 'Less than a second'], [1, '1 second'], [59, '59 seconds'], [60, 'About a minute'], [3 * minute, '3 minutes'], [59 * minute, '59 minutes'],
    [hour, 'About an hour'], [89 * minute, 'About an hour'], [90 * minute, '2 hours'], [47 * hour, '47 hours'], [3 * day, '3 days'], [15 * day, '2 weeks'],
    [61 * day, '2 months'], [3 * 365 * day, '3 years'],
  ];
  for (const [seconds, words] of told) t.is(humanDuration(seconds), words);
});
