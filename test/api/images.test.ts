// images.test.ts: images through the Docker API
import test, { type ExecutionContext } from 'ava';
import { WorldFailure } from '../../actors/world.ts';
import { api, lines, type Api } from './_api.ts';

const tar = Buffer.alloc(1024);

async function imported({ ask }: Api, query = ''): Promise<string> {
  const { text } = await ask('POST', `/images/create?fromSrc=-${query}`, tar);
  return lines(text).at(-1)!.status as string;
}

async function pulled(t: ExecutionContext): Promise<Api & { readonly id: string }> {
  const given = await api(t);
  await given.ask('POST', '/images/create?fromImage=busybox&tag=latest');
  return { ...given, id: (await given.ask('GET', '/images/busybox/json')).value.Id as string };
}

const removedOf = (value: object[]) => value.map((each) => Object.keys(each)[0]);

test('a pull tells its progress, and the image is there by tag, by digest and by the beginning of its id', async (t) => {
  const given = await api(t);
  const { headers, text } = await given.ask('POST', '/images/create?fromImage=busybox&tag=latest');
  t.is(headers['content-type'], 'application/json');
  t.regex(text, /"status":"Pulling from/);
  const [image] = (await given.ask('GET', '/images/json')).value;
  t.deepEqual(image.RepoTags, ['busybox:latest']);
  t.regex(image.RepoDigests[0], /^busybox@sha256:/);
  for (const name of ['busybox', 'busybox:latest', 'docker.io/library/busybox', image.RepoDigests[0], image.Id, image.Id.slice(7, 19)]) {
    t.is((await given.ask('GET', `/images/${encodeURIComponent(name)}/json`)).value.Id, image.Id, name);
  }
});

test('an image that no registry has is refused with a status, not within the stream', async (t) => {
  const { ask } = await api(t);
  const { status, value } = await ask('POST', '/images/create?fromImage=missing&tag=latest');
  t.is(status, 404);
  t.regex(value.message, /pull access denied/);
});

test('an image that is not here is not found, by the name that was asked for', async (t) => {
  const { ask } = await api(t);
  t.deepEqual((await ask('GET', '/images/nosuch/json')).value, { message: 'No such image: nosuch:latest' });
  t.is((await ask('DELETE', '/images/nosuch')).status, 404);
  t.is((await ask('GET', '/images/UPPER/json')).status, 400);
});

test('an archive is imported with a name, a message and changes of its config', async (t) => {
  const given = await api(t);
  const changes = ['CMD ["top"]', 'ENV A=1', 'EXPOSE 80', 'LABEL x=y'].map((each) => `&changes=${encodeURIComponent(each)}`).join('');
  const id = await imported(given, `&repo=mine&tag=1&message=made+here${changes}`);
  t.regex(id, /^sha256:[0-9a-f]{64}$/);
  const { value } = await given.ask('GET', '/images/mine:1/json');
  t.is(value.Id, id);
  t.like(value.Config, { Cmd: ['top'], Env: ['A=1'], ExposedPorts: { '80/tcp': {} }, Labels: { x: 'y' } });
  const { status, value: refusal } = await given.ask('POST', '/images/create?fromSrc=-&changes=RUN+x', tar);
  t.deepEqual([status, refusal.message], [400, 'run is not a valid change command']);
});

test('a tag goes to the image that is given it last', async (t) => {
  const given = await pulled(t);
  const other = await imported(given);
  t.is((await given.ask('POST', `/images/${other}/tag?repo=busybox&tag=latest`)).status, 201);
  t.is((await given.ask('GET', '/images/busybox/json')).value.Id, other);
  t.deepEqual((await given.ask('GET', `/images/${given.id}/json`)).value.RepoTags, []);
  t.is((await given.ask('POST', '/images/busybox/tag?repo=sha256')).status, 400);
});

test('an image of two tags loses one, and goes with the last', async (t) => {
  const given = await pulled(t);
  await given.ask('POST', '/images/busybox/tag?repo=mine&tag=1');
  t.deepEqual((await given.ask('DELETE', '/images/mine:1')).value, [{ Untagged: 'mine:1' }]);
  const { value } = await given.ask('DELETE', '/images/busybox');
  t.deepEqual(value[0], { Untagged: 'busybox:latest' });
  t.true(value.some((each: object) => JSON.stringify(each) === JSON.stringify({ Deleted: given.id })));
  t.deepEqual((await given.ask('GET', '/images/json?all=1')).value, []);
  t.is(given.world.machine.images.size, 0);
});

test('an image of several repositories is not removed by its id, unless forced', async (t) => {
  const given = await pulled(t);
  await given.ask('POST', '/images/busybox/tag?repo=mine&tag=1');
  const { status, value } = await given.ask('DELETE', `/images/${given.id}`);
  t.is(status, 409);
  t.is(value.message, `conflict: unable to delete ${given.id.slice(7, 19)} (must be forced) - image is referenced in multiple repositories`);
  const forced = await given.ask('DELETE', `/images/${given.id}?force=1`);
  t.deepEqual(removedOf(forced.value), ['Untagged', 'Untagged', 'Untagged', 'Deleted', 'Deleted']);
});

test('an image that a container uses stays', async (t) => {
  const given = await pulled(t);
  const { Id: container } = (await given.ask('POST', '/containers/create', { Image: 'busybox', Cmd: ['top'] })).value;
  const [short, image] = [container.slice(0, 12), given.id.slice(7, 19)];
  const message = async (path: string) => (await given.ask('DELETE', path)).value.message;
  t.is(
    await message('/images/busybox'),
    `conflict: unable to remove repository reference "busybox" (must force) - container ${short} is using its referenced image ${image}`,
  );
  t.is(await message(`/images/${given.id}`), `conflict: unable to delete ${image} (must be forced) - image is being used by stopped container ${short}`);
  await given.ask('POST', `/containers/${container}/start`);
  t.is(await message(`/images/${given.id}?force=1`), `conflict: unable to delete ${image} (cannot be forced) - image is being used by running container ${short}`);
  const untagged = await given.ask('DELETE', '/images/busybox?force=1');
  t.deepEqual(removedOf(untagged.value), ['Untagged', 'Untagged']);
  t.is((await given.ask('GET', `/images/${given.id}/json`)).status, 200);
});

test('an image can be pulled again as soon as it is removed', async (t) => {
  const given = await pulled(t);
  await given.ask('DELETE', '/images/busybox');
  await given.ask('POST', '/images/create?fromImage=busybox&tag=latest');
  t.is((await given.ask('GET', '/images/json')).value.length, 1);
});

test('images are listed by name, label, age and by having no name', async (t) => {
  const given = await pulled(t);
  const { clock } = given.world.machine;
  await clock.advance(1_000_000_000n);
  const nameless = await imported(given, '&changes=LABEL+a=b');
  const list = async (filters: object, query = '') =>
    (await given.ask('GET', `/images/json?filters=${encodeURIComponent(JSON.stringify(filters))}${query}`)).value.map(({ Id }: { Id: string }) => Id);
  t.deepEqual(await list({ dangling: ['true'] }), [nameless]);
  t.deepEqual(await list({ dangling: ['false'] }), [given.id]);
  t.deepEqual(await list({ reference: ['busy*'] }), [given.id]);
  t.deepEqual(await list({ reference: ['busybox:1'] }), []);
  t.deepEqual(await list({ label: ['a=b'] }), [nameless]);
  t.is((await given.ask('GET', `/images/json?filters=${encodeURIComponent('{"nope":["x"]}')}`)).value.message, "invalid filter 'nope'");
});

test('older clients are told of images in the older shape', async (t) => {
  const given = await pulled(t);
  await imported(given);
  const [one, two] = (await given.ask('GET', '/v1.40/images/json')).value;
  t.true([one, two].every((each) => each.VirtualSize === each.Size && each.Containers === -1));
  t.deepEqual([one, two].find((each) => each.Id !== given.id).RepoTags, ['<none>:<none>']);
  const { value } = await given.ask('GET', '/v1.40/images/busybox/json');
  t.true('ContainerConfig' in value && 'VirtualSize' in value && value.Config.AttachStdin === false);
});

test('a prune removes what has no name, or all that nobody uses', async (t) => {
  const given = await pulled(t);
  const nameless = await imported(given);
  const prune = async (filters: object) => (await given.ask('POST', `/images/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`)).value;
  const first = await prune({});
  t.true(JSON.stringify(first.ImagesDeleted).includes(nameless));
  t.is(first.SpaceReclaimed, 1_000_000);
  t.deepEqual(await prune({}), { ImagesDeleted: null, SpaceReclaimed: 0 });
  t.true(JSON.stringify((await prune({ dangling: ['false'] })).ImagesDeleted).includes(given.id));
});

test('images are saved and loaded', async (t) => {
  const given = await pulled(t);
  const saved = await given.ask('GET', '/images/get?names=busybox');
  t.deepEqual([saved.status, saved.headers['content-type']], [200, 'application/x-tar']);
  t.is((await given.ask('GET', '/images/busybox:latest/get')).status, 200);
  const loaded = await given.ask('POST', '/images/load?quiet=0', tar);
  t.deepEqual(lines(loaded.text).at(-1), { stream: 'Loaded image: busybox:latest\n' });
});

test('an image tells its history and its share of the disk', async (t) => {
  const given = await pulled(t);
  t.true(Array.isArray((await given.ask('GET', '/images/busybox/history')).value));
  const { value } = await given.ask('GET', '/system/df');
  t.is(value.LayersSize, 1_000_000);
  t.deepEqual([value.Images.length, value.Containers, value.Volumes, value.BuildCache], [1, [], [], []]);
  t.deepEqual((await given.ask('GET', '/system/df?type=volume')).value.Images, null);
  t.is((await given.ask('GET', '/system/df?type=nope')).status, 400);
});

test('an image that is removed while containerd is away is gone once it is back', async (t) => {
  const given = await pulled(t);
  const { images } = given.world;
  const remove = images.remove.bind(images);
  const tries: string[] = [];
  Object.assign(images, {
    remove: async (image: { id: string }) => {
      tries.push(image.id);
      if (tries.length === 1) throw new WorldFailure('runtimeDown', 'containerd does not answer');
      return remove(image);
    },
  });
  const answered = given.ask('DELETE', '/images/busybox');
  while (tries.length < 2) {
    await new Promise((resolve) => setImmediate(resolve));
    await given.world.machine.clock.advance(500_000_000n);
  }
  t.is((await answered).status, 200);
  t.deepEqual((await given.ask('GET', '/images/json')).value, []);
  t.is(given.world.machine.images.size, 0);
});
