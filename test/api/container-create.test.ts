// container-create.test.ts: what a creation is refused for, in dockerd's words, and what it fills in
import test from 'ava';
import { api } from './_api.ts';
import { addImage, create, factsOf } from './_containers.ts';

const refusals: readonly [what: string, query: string, body: object | string, status: number, message: string | RegExp][] = [
  ['broken JSON', '', '{', 400, /^invalid JSON: /],
  ['a list instead of an object', '', [], 400, 'invalid JSON: json: cannot unmarshal array into Go value of type CreateRequest'],
  ['a string for a yes or no', '', { Tty: 'yes' }, 400, 'invalid JSON: json: cannot unmarshal string into Go struct field CreateRequest.Tty of type bool'],
  ['a string for a number', '', { HostConfig: { Memory: 'x' } }, 400, 'invalid JSON: json: cannot unmarshal string into Go struct field CreateRequest.HostConfig.Memory of type int64'],
  ['a fraction for a number', '', { HostConfig: { Memory: 1.5 } }, 400, 'invalid JSON: json: cannot unmarshal number 1.5 into Go struct field CreateRequest.HostConfig.Memory of type int64'],
  ['nothing', '', {}, 400, 'config cannot be empty in order to create a container'],
  ['an unknown image', '', { Image: 'nope' }, 404, 'No such image: nope:latest'],
  ['an unknown image id', '', { Image: `sha256:${'a'.repeat(64)}` }, 404, `No such image: sha256:${'a'.repeat(64)}`],
  ['a bad name', '?name=_x', {}, 400, 'Invalid container name (_x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed'],
  ['a name of one character', '?name=x', {}, 400, 'Invalid container name (x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed'],
  ['a port that is none', '', { HostConfig: { PortBindings: { '80x/tcp': [] } } }, 400, 'invalid port specification: "80x"'],
  ['a host port that is none', '', { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '99999' }] } } }, 400, 'invalid port specification: "99999"'],
  ['too little memory', '', { HostConfig: { Memory: 1024 } }, 400, 'Minimum memory limit allowed is 6MB'],
  ['two ways to say how many processors', '', { HostConfig: { NanoCpus: 1e9, CpuQuota: 5000 } }, 400, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
  ['more processors than there are', '', { HostConfig: { NanoCpus: 9e9 } }, 400, 'range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available'],
  ['an unknown restart policy', '', { HostConfig: { RestartPolicy: { Name: 'often' } } }, 400, `invalid restart policy: unknown policy 'often'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`],
  ['a count for a policy that has none', '', { HostConfig: { RestartPolicy: { Name: 'always', MaximumRetryCount: 2 } } }, 400, `invalid restart policy: maximum retry count can only be used with 'on-failure'`],
  ['--rm with a restart policy', '', { HostConfig: { AutoRemove: true, RestartPolicy: { Name: 'always' } } }, 400, `can't create 'AutoRemove' container with restart policy`],
  ['an unknown runtime', '', { HostConfig: { Runtime: 'foo' } }, 400, 'unknown or invalid runtime name: foo'],
  ['an unknown log driver', '', { HostConfig: { LogConfig: { Type: 'foo' } } }, 400, /no log driver named 'foo' is registered/],
  ['a missing source of a mount', '', { HostConfig: { Mounts: [{ Type: 'bind', Source: '/not/there', Target: '/a' }] } }, 400, 'invalid mount config for type "bind": bind source path does not exist: /not/there'],
  ['a mount without a target', '', { HostConfig: { Mounts: [{ Type: 'volume' }] } }, 400, 'invalid mount config for type "volume": field Target must not be empty'],
  ['a mount onto the root', '', { HostConfig: { Binds: ['/tmp:/'] } }, 400, /destination can't be '\/'/],
  ['a relative target', '', { HostConfig: { Binds: ['/tmp:a'] } }, 400, /mount path must be absolute/],
  ['an unknown mount option', '', { HostConfig: { Binds: ['/a:/b:rx'] } }, 400, 'invalid mode: rx'],
  ['two mounts on one place', '', { HostConfig: { Binds: ['/a:/b', '/c:/b/'] } }, 400, 'Duplicate mount point: /b'],
  ['a relative source', '', { HostConfig: { Binds: ['a/b:/b'] } }, 400, 'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path'],
  ['a link to nobody', '', { HostConfig: { Links: ['nope:x'] } }, 400, 'could not get container for nope: No such container: nope'],
  ['a hostname in another network', '', { Hostname: 'a', HostConfig: { NetworkMode: 'container:x' } }, 400, 'conflicting options: hostname and the network mode'],
  ['ports in another network', '', { HostConfig: { NetworkMode: 'container:x', PublishAllPorts: true } }, 400, 'conflicting options: port publishing and the container type network mode'],
  ['a mode of IPC that is none', '', { HostConfig: { IpcMode: 'x' } }, 400, 'invalid IPC mode: x'],
  ['an unknown ulimit', '', { HostConfig: { Ulimits: [{ Name: 'foo', Soft: 1, Hard: 1 }] } }, 400, 'invalid ulimit type: foo'],
  ['an unknown capability', '', { HostConfig: { CapAdd: ['FLY'] } }, 400, 'invalid CapAdd: unknown capability: "CAP_FLY"'],
  ['a variable without a name', '', { Env: ['=a'] }, 400, 'invalid environment variable: =a'],
  ['a relative working directory', '', { WorkingDir: 'a' }, 400, `the working directory 'a' is invalid, it needs to be an absolute path`],
  ['an unknown signal', '', { StopSignal: 'SIGNOPE' }, 400, 'invalid signal: SIGNOPE'],
  ['a health check that is too quick', '', { Healthcheck: { Interval: 1000 } }, 400, 'Interval in Healthcheck cannot be less than 1ms'],
  ['an address on the default bridge', '', { NetworkingConfig: { EndpointsConfig: { bridge: { IPAMConfig: { IPv4Address: '172.17.0.9' } } } } }, 400, /user specified IP address is supported on user defined networks only/],
  ['a host entry without an address', '', { HostConfig: { ExtraHosts: ['a'] } }, 400, 'bad format for add-host: "a"'],
];

test('a creation that makes no sense is refused with a sentence, and leaves nothing', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  for (const [what, query, body, status, message] of refusals) {
    const sent = typeof body === 'string' || Array.isArray(body) || Object.keys(body).length + query.length === 0 ? body : { Image: 'busybox', ...body };
    const answer = await docker.ask('POST', `/containers/create${query}`, typeof sent === 'string' ? Buffer.from(sent) : sent, { 'content-type': 'application/json' });
    t.is(answer.status, status, what);
    if (typeof message === 'string') t.is(answer.value.message, message, what);
    else t.regex(answer.value.message, message, what);
  }
  t.deepEqual((await docker.ask('GET', '/containers/json?all=1')).value, []);
  t.is([...docker.engine.roster.entities.values()].filter(({ kind }) => kind === 'volume').length, 0);
});

test('a name that is in use is refused with the id of who has it, and is free again after a removal', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const id = await create(docker, 'web');
  const refused = await docker.ask('POST', '/containers/create?name=web', { Image: 'busybox' });
  t.is(refused.status, 409);
  t.is(refused.value.message, `Conflict. The container name "/web" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`);
  await docker.ask('DELETE', '/containers/web');
  t.is((await docker.ask('POST', '/containers/create?name=/web', { Image: 'busybox' })).status, 201);
});

test('of many that want the same name at once one gets it', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const answers = await Promise.all(Array.from({ length: 10 }, () => docker.ask('POST', '/containers/create?name=web', { Image: 'busybox' })));
  t.deepEqual(answers.map(({ status }) => status).sort(), [201, ...Array.from({ length: 9 }, () => 409)]);
});

test('a container without a name is given one', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const { value } = await docker.ask('POST', '/containers/create', { Image: 'busybox' });
  const inspected = await docker.ask('GET', `/containers/${value.Id}/json`);
  t.regex(inspected.value.Name, /^\/[a-z]+_[a-z]+$/);
});

test('what the request says goes over what the image says', async (t) => {
  const docker = await api(t);
  const image = {
    Cmd: ['serve'], Entrypoint: ['/entry'], Env: ['PATH=/bin', 'A=image'], Labels: { a: 'image', b: 'image' }, User: 'nobody', WorkingDir: '/srv/',
    ExposedPorts: { '80/tcp': {} }, Volumes: { '/data': {} }, StopSignal: 'SIGQUIT', Healthcheck: { Test: ['CMD', 'true'], Retries: 5 },
  };
  await addImage(docker, 'server', image);
  await create(docker, 'plain', { Image: 'server', Cmd: undefined });
  const { Config: plain, Mounts, Path, Args } = (await docker.ask('GET', '/containers/plain/json')).value;
  t.deepEqual([Path, Args, plain.User, plain.WorkingDir, plain.StopSignal, plain.Healthcheck.Retries], ['/entry', ['serve'], 'nobody', '/srv', 'SIGQUIT', 5]);
  t.is(Mounts.length, 1);
  t.like(Mounts[0], { Type: 'volume', Destination: '/data', Driver: 'local', RW: true });
  await create(docker, 'own', { Image: 'server', Entrypoint: 'sh', Env: ['A=own', 'B=own'], Labels: { a: 'own' }, Cmd: null, ExposedPorts: { '81/tcp': {} } });
  const { Config: own, ...rest } = (await docker.ask('GET', '/containers/own/json')).value;
  t.deepEqual([rest.Path, rest.Args], ['sh', []]);
  t.deepEqual(own.Env, ['A=own', 'B=own', 'PATH=/bin']);
  t.deepEqual(own.Labels, { a: 'own', b: 'image' });
  t.deepEqual(Object.keys(own.ExposedPorts).sort(), ['80/tcp', '81/tcp']);
});

test('what nobody said is filled in as dockerd does', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const id = await create(docker, 'web', { HostConfig: { Memory: 64 * 1024 * 1024 } });
  const { HostConfig, Config, State, NetworkSettings, Mounts, ExecIDs } = (await docker.ask('GET', '/containers/web/json?size=1')).value;
  t.like(HostConfig, {
    ShmSize: 67108864, IpcMode: 'private', CgroupnsMode: 'private', MemorySwap: 128 * 1024 * 1024, NetworkMode: 'bridge', Runtime: 'runc', LogConfig: { Type: 'json-file', Config: {} },
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 }, ConsoleSize: [0, 0],
  });
  t.true(HostConfig.MaskedPaths.includes('/proc/kcore'));
  t.true(HostConfig.ReadonlyPaths.includes('/proc/sys'));
  t.is(Config.Hostname, id.slice(0, 12));
  t.like(State, { Status: 'created', Running: false, ExitCode: 0, StartedAt: '0001-01-01T00:00:00Z' });
  t.deepEqual(Object.keys(NetworkSettings.Networks), ['bridge']);
  t.deepEqual([Mounts, ExecIDs], [[], null]);
});

test('named volumes are made when they are first mentioned, and a failing creation takes its own back', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const id = await create(docker, 'web', { HostConfig: { Binds: ['data:/data', '/src:/dst:ro'] } });
  const { Mounts } = (await docker.ask('GET', '/containers/web/json')).value;
  t.like(Mounts[0], { Type: 'volume', Name: 'data', Destination: '/data', RW: true, Mode: 'z' });
  t.like(Mounts[1], { Type: 'bind', Source: '/src', Destination: '/dst', RW: false, Mode: 'ro', Propagation: 'rprivate' });
  await docker.ask('POST', '/containers/create?name=other', { Image: 'busybox', HostConfig: { Binds: ['fresh:/data', 'a/b:/b'] } });
  const volumes = [...docker.engine.roster.entities.values()].filter(({ kind, snapshot }) => kind === 'volume' && snapshot.value === 'present');
  t.deepEqual(volumes.map((volume) => volume.id), ['data']);
  await create(docker, 'borrower', { HostConfig: { VolumesFrom: ['web:ro'] } });
  const borrowed = (await docker.ask('GET', '/containers/borrower/json')).value.Mounts;
  t.deepEqual(borrowed.map((mount: { Destination: string; RW: boolean }) => [mount.Destination, mount.RW]), [['/data', false], ['/dst', false]]);
  t.deepEqual(await factsOf(docker.engine, id), ['createRequested', 'created']);
});

test('warnings tell what was left out', async (t) => {
  const docker = await api(t);
  await addImage(docker);
  const body = { Image: 'busybox', HostConfig: { NetworkMode: 'host', PortBindings: { '80/tcp': [{ HostPort: '80' }] }, OomKillDisable: true } };
  const { value } = await docker.ask('POST', '/containers/create', body);
  t.deepEqual(value.Warnings, [
    'Your kernel does not support OomKillDisable. OomKillDisable discarded.', 'Published ports are discarded when using host network mode',
  ]);
});
