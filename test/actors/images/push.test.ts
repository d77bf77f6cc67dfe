// push.test.ts: images into registries
import { Readable } from 'node:stream';
import test from 'ava';
import { type Progress, WorldFailure } from '../../../actors/world.ts';
import { openDebianRegistry, openMemoryRegistry, refuse } from '../registry/_registry.ts';
import { type Given, hasProgram, type House, importBusybox, lacking, leftovers, openHouse, plainConfig, tarOf } from './_given.ts';
import type { ImageRecord } from '../../../events/image.ts';

const onLinux = lacking === null ? test : test.skip;
const withRegistry = lacking === null && hasProgram('docker-registry') ? test : test.skip;
let house: House;
test.before(async () => {
  if (lacking === null) house = await openHouse();
});
test.after.always(() => house?.close());

const never = new AbortController().signal;
const push = async ({ images }: Given, image: ImageRecord, reference: string, signal = never) => {
  const lines: Progress[] = [];
  const pushed = await images.push(image, reference, null, (line) => lines.push(line), signal);
  return { ...pushed, lines, statuses: lines.map(({ status = '' }) => status) };
};

withRegistry('an image that was pushed is pulled elsewhere under the same id', async (t) => {
  const debian = await openDebianRegistry();
  t.teardown(debian.close);
  const [here, there] = [house.world(), house.world()];
  const image = await importBusybox(here);
  const reference = `${debian.host}/team/busybox:1`;
  const { digest, size, lines, statuses } = await push(here, image, reference);
  t.is(statuses[0], `The push refers to repository [${debian.host}/team/busybox]`);
  for (const status of ['Preparing', 'Pushing', 'Pushed', `1: digest: ${digest} size: ${size}`]) t.true(statuses.includes(status), status);
  t.is(lines.find(({ status }) => status === 'Pushed')?.id, image.config.rootfs.diff_ids[0]?.slice(7, 19));
  t.deepEqual(lines.at(-1)?.aux, { Tag: '1', Digest: digest, Size: size });
  const again = await push(here, image, `${debian.host}/team/busybox:2`);
  t.true(again.statuses.includes('Layer already exists'));
  t.is(again.digest, digest);
  const pulled = await there.images.pull(reference, null, null, () => {}, never);
  t.is(pulled.image.id, image.id);
  t.is(pulled.digest, digest);
  t.is((await push(there, pulled.image, `${debian.host}/other/busybox:1`)).digest, digest);
  t.deepEqual([await leftovers(here), await leftovers(there)], [[], []]);
});

onLinux('a push that the registry refuses says so', async (t) => {
  const registry = await openMemoryRegistry();
  t.teardown(registry.close);
  registry.hook = (request, response) => {
    if (request.method !== 'POST') return false;
    refuse(response, 403, 'DENIED', 'requested access to the resource is denied');
    return true;
  };
  const given = house.world();
  const image = await given.images.importLayer(Readable.from([await tarOf({ a: 'b' })]), plainConfig, '');
  const failure = await t.throwsAsync(push(given, image, `${registry.host}/team/image:1`), { instanceOf: WorldFailure });
  t.is(failure?.message, 'denied: requested access to the resource is denied');
  t.is(failure?.failure.reason, 'unauthorized');
  t.deepEqual(await leftovers(given), []);
});

onLinux('a push that is cancelled ends', async (t) => {
  const registry = await openMemoryRegistry();
  t.teardown(registry.close);
  const controller = new AbortController();
  registry.hook = (request) => {
    if (request.method !== 'POST') return false;
    controller.abort();
    return true;
  };
  const given = house.world();
  const image = await given.images.importLayer(Readable.from([await tarOf({ c: 'd' })]), plainConfig, '');
  await t.throwsAsync(push(given, image, `${registry.host}/team/image:1`, controller.signal), { message: 'context canceled' });
  t.deepEqual(await leftovers(given), []);
});
