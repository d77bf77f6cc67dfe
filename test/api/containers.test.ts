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

test('a start that fails is told with the reason, and the container keeps it', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await create(docker, 'bad', { Cmd: ['nothing-like-that'] });
  const answer = await docker.ask('POST', '/containers/bad/start');
  t.is(answer.status, 400);
  t.regex(answer.value.message, /executable file not found in \$PATH/);
  const { State } = (await docker.ask('GET', '/containers/bad/json')).value;
  t.like(State, { Status: 'created', ExitCode: 127, Running: false });
  t.is(State.Error, answer.value.message);
});

test('a port that is taken is a failure of the start alone', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const HostConfig = { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } };
  await run(docker, 'first', { HostConfig });
  await create(docker, 'second', { HostConfig });
  const answer = await docker.ask('POST', '/containers/second/start');
  t.is(answer.status, 500);
  t.regex(answer.value.message, /port is already allocated/);
  await docker.ask('DELETE', '/containers/first?force=1');
  t.is((await docker.ask('POST', '/containers/second/start')).status, 204);
  const [listed] = (await docker.ask('GET', '/containers/json')).value;
  t.deepEqual(listed.Ports, [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }]);
});

test('a container is paused and goes on', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const id = await run(docker, 'web');
  t.is((await docker.ask('POST', '/containers/web/pause')).status, 204);
  t.is((await docker.ask('POST', '/containers/web/pause')).status, 409);
  t.is((await docker.ask('POST', '/containers/web/start')).status, 409);
  t.like((await docker.ask('GET', '/containers/web/json')).value.State, { Status: 'paused', Paused: true, Running: true });
  t.is((await docker.ask('POST', '/containers/web/unpause')).status, 204);
  t.is((await docker.ask('POST', '/containers/web/unpause')).status, 500);
  t.deepEqual((await factsOf(docker.engine, id)).slice(-4), ['pauseRequested', 'paused', 'unpauseRequested', 'unpaused']);
});

test('a container is renamed, unless the name is taken or bad', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const id = await create(docker, 'web');
  await create(docker, 'taken');
  t.is((await docker.ask('POST', '/containers/web/rename?name=www')).status, 204);
  t.is((await docker.ask('GET', '/containers/www/json')).value.Id, id);
  t.is((await docker.ask('GET', '/containers/web/json')).status, 404);
  const conflict = await docker.ask('POST', '/containers/www/rename?name=taken');
  t.is(conflict.status, 409);
  t.regex(conflict.value.message, /^Error when allocating new name: Conflict\. The container name "\/taken" is already in use/);
  t.is((await docker.ask('POST', '/v1.40/containers/www/rename?name=_')).status, 400);
  t.is((await docker.ask('POST', '/v1.40/containers/www/rename?name=')).status, 400);
  t.is((await create(docker, 'web')).length, 64);
});

test('a kill delivers any signal, and refuses those that do not exist', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await run(docker, 'web');
  t.is((await docker.ask('POST', '/containers/web/kill?signal=USR1')).status, 204);
  t.like((await docker.ask('GET', '/containers/web/json')).value.State, { Status: 'running' });
  const bad = await docker.ask('POST', '/v1.40/containers/web/kill?signal=NOPE');
  t.deepEqual([bad.status, bad.value.message], [400, 'invalid signal: NOPE']);
  t.is((await docker.ask('POST', '/containers/web/kill')).status, 204);
  t.like((await docker.ask('GET', '/containers/web/json')).value.State, { Status: 'exited', ExitCode: 137 });
  const dead = await docker.ask('POST', '/containers/web/kill');
  t.is(dead.status, 409);
  t.regex(dead.value.message, /^cannot kill container: web: container [0-9a-f]{64} is not running$/);
});

test('a restart stops and starts', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const id = await run(docker, 'web');
  t.is((await docker.ask('POST', '/containers/web/restart')).status, 204);
  t.like((await docker.ask('GET', '/containers/web/json')).value.State, { Status: 'running' });
  t.deepEqual((await factsOf(docker.engine, id)).slice(-2), ['started', 'restarted']);
});

test('a restart that somebody turns into a stop does not leave its client waiting', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await run(docker, 'web');
  const restarting = docker.ask('POST', '/containers/web/restart?signal=HUP&t=1000');
  await factWhere(docker.engine, ({ type }) => type === 'container.stopRequested');
  t.is((await docker.ask('POST', '/containers/web/stop')).status, 204);
  await restarting;
  t.pass();
});

test('references: the whole id, its beginning, the name with and without a slash', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const ids = await Promise.all(Array.from({ length: 20 }, (_, index) => create(docker, `web${index}`)));
  const [id = ''] = ids;
  for (const reference of [id, id.slice(0, 12), 'web0', '%2Fweb0', '/web0']) t.is((await docker.ask('GET', `/containers/${reference}/json`)).value.Id, id, reference);
  const first = ids.map((each) => each[0]!).find((digit, index, all) => all.indexOf(digit) !== index)!;
  const ambiguous = await docker.ask('GET', `/v1.40/containers/${first}/json`);
  t.deepEqual([ambiguous.status, ambiguous.value.message], [400, `multiple IDs found with provided prefix: ${first}`]);
  t.deepEqual((await docker.ask('GET', '/containers/nope/json')).value, { message: 'No such container: nope' });
});

test('waiting: the answer begins at once and ends with the container', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await create(docker, 'web', { Cmd: ['sh', '-c', 'sleep 5; exit 3'] });
  t.deepEqual((await docker.ask('POST', '/containers/web/wait')).value, { StatusCode: 0 });
  const { response } = await docker.open('POST', '/v1.51/containers/web/wait?condition=next-exit');
  t.is(response.statusCode, 200);
  await docker.ask('POST', '/containers/web/start');
  const other = docker.ask('POST', '/containers/web/wait');
  await docker.world.machine.clock.advance(6_000_000_000n);
  let text = '';
  for await (const chunk of response) text += String(chunk);
  t.deepEqual(JSON.parse(text), { StatusCode: 3 });
  t.deepEqual((await other).value, { StatusCode: 3 });
  t.deepEqual((await docker.ask('POST', '/containers/web/wait')).value, { StatusCode: 3 });
  const bad = await docker.ask('POST', '/v1.51/containers/web/wait?condition=full-moon');
  t.deepEqual([bad.status, bad.value.message], [400, 'invalid condition: "full-moon"']);
});

test('waiting for a removal ends with it, also when the container removes itself', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await create(docker, 'web', { Cmd: ['false'], HostConfig: { AutoRemove: true } });
  const { response } = await docker.open('POST', '/containers/web/wait?condition=removed');
  await docker.ask('POST', '/containers/web/start');
  await docker.world.machine.clock.advance(1_000_000_000n);
  let text = '';
  for await (const chunk of response) text += String(chunk);
  t.deepEqual(JSON.parse(text), { StatusCode: 1 });
});

test('limits and the restart policy are updated, for a container at rest and for one that runs', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  await create(docker, 'rest');
  await run(docker, 'web');
  for (const name of ['rest', 'web']) {
    const answer = await docker.ask('POST', `/containers/${name}/update`, { Memory: 67108864, MemorySwap: -1, RestartPolicy: { Name: 'always' } });
    t.deepEqual(answer.value, { Warnings: [] });
    t.like((await docker.ask('GET', `/containers/${name}/json`)).value.HostConfig, { Memory: 67108864, RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } });
  }
  const bad = await docker.ask('POST', '/v1.51/containers/web/update', { Memory: 5 });
  t.is(bad.value.message, 'Minimum memory limit allowed is 6MB');
});

test('a prune removes what does not run', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const old = await create(docker, 'old', { Labels: { a: '1' } });
  await create(docker, 'kept', { Labels: { keep: '' } });
  await run(docker, 'web');
  const { value } = await docker.ask('POST', `/containers/prune?filters=${encodeURIComponent(JSON.stringify({ 'label!': ['keep'] }))}`);
  t.deepEqual(value, { ContainersDeleted: [old], SpaceReclaimed: 0 });
  t.deepEqual((await docker.ask('GET', '/containers/json?all=1')).value.map((each: { Names: string[] }) => each.Names[0]), ['/web', '/kept']);
});

test('a terminal is resized while the container runs', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const id = await run(docker, 'web', { Tty: true });
  t.is((await docker.ask('POST', '/containers/web/resize?h=24&w=80')).status, 200);
  t.is((await factsOf(docker.engine, id)).at(-1), 'resized');
  const bad = await docker.ask('POST', '/v1.51/containers/web/resize?h=x&w=80', undefined);
  t.deepEqual([bad.status, bad.value.message], [400, 'invalid resize height "x": invalid syntax']);
});
