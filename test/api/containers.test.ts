// containers.test.ts: the life of containers through the Docker API: the answers, and the facts they left
import test from 'ava';
import { api } from './_api.ts';
import { addImage, create, factsOf, factWhere, run } from './_containers.ts';

test('a container is created, started, stopped, started again and removed', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const id = await create(docker, 'web');
  t.is((await docker.ask('POST', '/containers/web/start')).status, 204);
  t.is((await docker.ask('POST', '/containers/web/start')).status, 304);
  t.is((await docker.ask('POST', `/containers/${id.slice(0, 12)}/stop`)).status, 204);
  t.is((await docker.ask('POST', '/containers/web/stop')).status, 304);
  t.is((await docker.ask('POST', '/containers/web/start')).status, 204);
  const refused = await docker.ask('DELETE', '/containers/web');
  t.is(refused.status, 409);
  t.regex(refused.value.message, /^cannot remove container "web": container is running: stop the container before removing or force remove$/);
  t.is((await docker.ask('DELETE', '/containers/web?force=1')).status, 204);
  t.is((await docker.ask('GET', '/containers/web/json')).status, 404);
  await factWhere(docker.engine, ({ type }) => type === 'container.swept');
  t.deepEqual(await factsOf(docker.engine, id), [
    'createRequested', 'created', 'startRequested', 'started', 'stopRequested', 'killed', 'exited', 'released', 'stopped', 'startRequested', 'started',
    'removeRequested', 'killed', 'exited', 'removeRequested', 'removed', 'swept',
  ]);
});

test('a container that takes its time to stop is killed at once when somebody removes it by force', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const id = await run(docker, 'slow', { Cmd: ['sleep', '1000'] });
  const stopping = docker.ask('POST', '/containers/slow/stop?t=1000&signal=HUP').catch(() => null);
  await factWhere(docker.engine, ({ type }) => type === 'container.stopRequested');
  t.is((await docker.ask('DELETE', '/containers/slow?force=1')).status, 204);
  await stopping;
  t.true((await factsOf(docker.engine, id)).includes('removed'));
});

test('a container that is being stopped can be killed', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await run(docker, 'slow', { Cmd: ['sleep', '1000'] });
  const stopping = docker.ask('POST', '/containers/slow/stop?t=1000&signal=HUP');
  await factWhere(docker.engine, ({ type }) => type === 'container.stopRequested');
  t.is((await docker.ask('POST', '/containers/slow/kill')).status, 204);
  t.is((await stopping).status, 204);
});
