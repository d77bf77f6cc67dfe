// container-figures.test.ts: processes, usage, changed files, and an image made of a container
import { once } from 'node:events';
import test from 'ava';
import { api, lines } from './_api.ts';
import { addImage, create, factsOf, run } from './_containers.ts';

const second = 1_000_000_000n;

test('the processes of a running container are listed', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const id = await run(docker, 'web');
  const { value } = await docker.ask('GET', '/containers/web/top');
  t.true(value.Titles.includes('PID'));
  t.is(value.Processes.length, 1);
  t.is((await factsOf(docker.engine, id)).at(-1), 'topped');
  await create(docker, 'rest');
  t.is((await docker.ask('GET', '/containers/rest/top')).status, 409);
  t.is((await docker.ask('GET', '/containers/web/top?ps_args=-o%20user=PID')).status, 500);
});

test('usage is told once or each second, with the sample before to count from', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await run(docker, 'web', { Cmd: ['top'] });
  const single = await docker.ask('GET', '/containers/web/stats?stream=0&one-shot=1');
  t.like(single.value, { name: '/web', preread: '0001-01-01T00:00:00Z', pids_stats: { current: 1 }, memory_stats: { usage: 1_000_000 } });
  const { response } = await docker.open('GET', '/containers/web/stats');
  let text = '';
  response.on('data', (chunk: Buffer) => (text += chunk.toString()));
  while (lines(text).length < 2) {
    await docker.world.machine.clock.advance(second);
    if (lines(text).length < 2) await Promise.race([once(response, 'data'), new Promise((resolve) => setTimeout(resolve, 50))]);
  }
  const [first, next] = lines(text);
  t.is(next.preread, first.read);
  t.deepEqual(next.precpu_stats, first.cpu_stats);
  response.destroy();
  await create(docker, 'rest');
  t.like((await docker.ask('GET', '/containers/rest/stats?stream=0')).value, { pids_stats: {}, memory_stats: {} });
});

test('changed files are told by kind', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await create(docker, 'web');
  t.deepEqual((await docker.ask('GET', '/containers/web/changes')).value, [{ Path: '/tmp', Kind: 0 }, { Path: '/tmp/simulated', Kind: 1 }]);
});

test('an image is made of a container, which is held still meanwhile', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const id = await run(docker, 'web', { Cmd: ['top'], Env: ['A=1'], Labels: { x: 'y' } });
  const { value, status } = await docker.ask('POST', '/commit?container=web&repo=copy&tag=1&comment=hello&changes=EXPOSE%2080', { Env: ['B=2'] });
  t.is(status, 201);
  const image = (await docker.ask('GET', '/images/copy:1/json')).value;
  t.is(image.Id, value.Id);
  t.like(image.Config, { Cmd: ['top'], Labels: { x: 'y' }, ExposedPorts: { '80/tcp': {} } });
  t.deepEqual(image.Config.Env, ['B=2', 'A=1', 'PATH=/bin']);
  t.deepEqual((await factsOf(docker.engine, id)).slice(-5), ['pauseRequested', 'paused', 'unpauseRequested', 'unpaused', 'committed']);
  t.is((await docker.ask('POST', '/commit?container=nope')).status, 404);
});
