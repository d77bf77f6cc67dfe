// archive.test.ts: images out of tars and into tars, and out of what a container changed
import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import { extract, pack } from 'tar-stream';
import { ingest, openIngest, readBlob } from '../../../actors/images/blobs.ts';
import { forgetUnfinished } from '../../../actors/images/lease.ts';
import type { Store } from '../../../actors/images/store.ts';
import { type Progress, WorldFailure } from '../../../actors/world.ts';
import { busyboxTar } from '../../_image.ts';
import { digestOf } from '../registry/_registry.ts';
import { blobsOf, clock, type Given, hasProgram, type House, importBusybox, lacking, leftovers, openHouse, plainConfig, random, readAll, snapshotsOf, tarOf } from './_given.ts';

const onLinux = lacking === null ? test : test.skip;
let house: House;
test.before(async () => {
  if (lacking === null) house = await openHouse();
});
test.after.always(() => house?.close());

const load = async ({ images }: Given, archive: Buffer) => {
  const lines: Progress[] = [];
  const loaded = await images.load(Readable.from([archive]), (line) => lines.push(line));
  return { loaded, streams: lines.flatMap(({ stream }) => stream ?? []), lines };
};
const nothing = async (given: Given): Promise<string[]> => [...(await given.images.held()), ...(await blobsOf(given)), ...(await snapshotsOf(given)), ...(await leftovers(given))];

onLinux('a tar becomes an image of one layer', async (t) => {
  const given = house.world();
  const image = await importBusybox(given);
  t.deepEqual(image.config.rootfs.diff_ids, [digestOf(await busyboxTar())]);
  t.deepEqual(image.config.history, [{ created: plainConfig.created, comment: 'from a tar' }]);
  t.deepEqual(await given.images.held(), [image.id]);
  t.true(image.size > 1_000_000 && image.size < (await busyboxTar()).length);
  t.deepEqual(await snapshotsOf(given), [image.chainId]);
  t.deepEqual(await leftovers(given), []);
});

const program = (name: string) => (tar: Buffer): Buffer => spawnSync(name, ['-c'], { input: tar, maxBuffer: 1 << 26 }).stdout;
const compressions: Readonly<Record<string, (tar: Buffer) => Buffer>> = {
  gzip: (tar) => gzipSync(tar),
  zstd: (tar) => zstdCompressSync(tar),
  ...(hasProgram('bzip2') ? { bzip2: program('bzip2') } : {}),
  ...(hasProgram('xz') ? { xz: program('xz') } : {}),
};

onLinux('a tar may be compressed', async (t) => {
  const given = house.world();
  const tar = await tarOf({ hello: 'hello\n' });
  for (const [name, compress] of Object.entries(compressions)) {
    const image = await given.images.importLayer(Readable.from([compress(tar)]), plainConfig, '');
    t.deepEqual(image.config.rootfs.diff_ids, [digestOf(tar)], name);
  }
});

onLinux('a tar that is none, or is cut, makes no image and leaves nothing', async (t) => {
  const given = house.world();
  const tar = await tarOf({ hello: 'hello '.repeat(10_000) });
  for (const damaged of [Buffer.from('no tar at all'.repeat(1000)), tar.subarray(0, 20_000), gzipSync(tar).subarray(0, 100), Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), tar])]) {
    const failure = await t.throwsAsync(given.images.importLayer(Readable.from([damaged]), plainConfig, ''), { instanceOf: WorldFailure });
    t.is(failure?.failure.reason, 'invalid', failure?.message);
  }
  t.deepEqual(await nothing(given), []);
});

onLinux('what was saved is loaded again under the same id and names', async (t) => {
  const [from, to] = [house.world(), house.world()];
  const image = await importBusybox(from);
  const references = ['docker.io/library/busybox:latest', 'localhost:5000/team/busybox:1'];
  const archive = await readAll(await from.images.save([{ image, references }]));
  const { loaded, streams, lines } = await load(to, archive);
  t.deepEqual(loaded, [{ image, references }]);
  t.deepEqual(streams, ['Loaded image: busybox:latest\n', 'Loaded image: localhost:5000/team/busybox:1\n']);
  t.is(lines[0]?.status, 'Loading layer');
  t.deepEqual(await to.images.held(), [image.id]);
  const again = await load(to, archive);
  t.deepEqual(again.lines.length, 2);
  t.deepEqual([await leftovers(from), await leftovers(to)], [[], []]);
});

onLinux('an image without a name is loaded by its id', async (t) => {
  const given = house.world();
  const image = await importBusybox(given);
  const archive = await readAll(await given.images.save([{ image, references: [] }]));
  t.deepEqual((await load(house.world(), archive)).streams, [`Loaded image ID: ${image.id}\n`]);
});

/** As `docker save` wrote them for years: a folder for each layer, and links where two images share one. */
const oldArchive = async (): Promise<{ archive: Buffer; id: string }> => {
  const layer = await tarOf({ old: 'old\n' });
  const config = Buffer.from(JSON.stringify({ ...plainConfig, rootfs: { type: 'layers', diff_ids: [digestOf(layer), digestOf(layer)] } }));
  const id = digestOf(config);
  const tar = pack();
  const all = readAll(Readable.from(tar as AsyncIterable<Uint8Array>));
  tar.entry({ name: 'one/', type: 'directory' });
  tar.entry({ name: 'one/layer.tar' }, layer);
  tar.entry({ name: 'one/VERSION' }, '1.0');
  tar.entry({ name: 'two/layer.tar', type: 'symlink', linkname: '../one/layer.tar' });
  tar.entry({ name: `${id.slice(7)}.json` }, config);
  tar.entry({ name: 'manifest.json' }, JSON.stringify([{ Config: `${id.slice(7)}.json`, RepoTags: ['old:1'], Layers: ['one/layer.tar', 'two/layer.tar'] }]));
  tar.finalize();
  return { archive: await all, id };
};

onLinux('archives of old versions of Docker are loaded', async (t) => {
  const { archive, id } = await oldArchive();
  for (const sent of [archive, gzipSync(archive)]) {
    const { loaded } = await load(house.world(), sent);
    t.is(loaded[0]?.image.id, id);
    t.deepEqual(loaded[0]?.references, ['docker.io/library/old:1']);
    t.is(loaded[0]?.image.layerSizes.length, 2);
  }
});

onLinux('an OCI layout that Docker did not write is loaded', async (t) => {
  const from = house.world();
  const image = await importBusybox(from);
  const archive = await readAll(await from.images.save([{ image, references: ['docker.io/library/busybox:latest'] }]));
  const oci = pack();
  const all = readAll(Readable.from(oci as AsyncIterable<Uint8Array>));
  const entries = extract();
  entries.end(archive);
  for await (const entry of entries) {
    const body = await readAll(entry as unknown as AsyncIterable<Uint8Array>);
    if (entry.header.type === 'file' && !['manifest.json', 'repositories'].includes(entry.header.name)) oci.entry({ name: `./${entry.header.name}` }, body);
  }
  oci.finalize();
  t.deepEqual((await load(house.world(), await all)).loaded, [{ image, references: ['docker.io/library/busybox:latest'] }]);
});

const withDiffId = async (diffId: string): Promise<Buffer> =>
  tarOf({ 'c.json': JSON.stringify({ os: 'linux', rootfs: { diff_ids: [diffId] } }), l: await tarOf({ a: 'b' }), 'manifest.json': '[{"Config":"c.json","Layers":["l"]}]' });

onLinux('a damaged archive is refused whole', async (t) => {
  const given = house.world();
  const { archive } = await oldArchive();
  const image = await importBusybox(house.world());
  const damaged: readonly [archive: Buffer, message: RegExp][] = [
    [Buffer.from('no archive'.repeat(1000)), /^archive\/tar: invalid tar header$/],
    [archive.subarray(0, 3000), /unexpected EOF|does not contain|invalid tar header/],
    [await tarOf({ hello: 'hello' }), /^invalid archive: does not contain a manifest.json$/],
    [await tarOf({ 'manifest.json': '[{"Config":"../../etc/passwd","Layers":[]}]' }), /^invalid archive: \.\.\/\.\.\/etc\/passwd is missing$/],
    [await tarOf({ 'manifest.json': 'no json' }), /^invalid archive: manifest.json is not JSON$/],
    [await tarOf({ [`blobs/sha256/${image.id.slice(7)}`]: 'another thing' }), /^content verification failed for digest/],
    [await withDiffId(`sha256:${'0'.repeat(64)}`), /^invalid diffID/],
    [await withDiffId('container'), /^invalid image JSON: invalid diff ID "container"$/],
  ];
  for (const [sent, message] of damaged) {
    const failure = await t.throwsAsync(load(given, sent), { instanceOf: WorldFailure, message });
    t.is(failure?.failure.reason, 'invalid');
  }
  t.deepEqual(await nothing(given), []);
});

onLinux('a removed image frees what no other image needs', async (t) => {
  const given = house.world();
  const base = await importBusybox(given);
  const other = await given.images.importLayer(Readable.from([await busyboxTar()]), { ...plainConfig, created: '2026-02-02T00:00:00Z' }, '');
  t.not(other.id, base.id);
  await given.images.remove(base);
  t.deepEqual(await given.images.held(), [other.id]);
  t.deepEqual(await snapshotsOf(given), [other.chainId]);
  await given.images.remove(other);
  await given.images.remove(other);
  t.deepEqual(await nothing(given), []);
});

const namesIn = async (tar: Buffer): Promise<string[]> => {
  const names: string[] = [];
  const entries = extract();
  entries.end(tar);
  for await (const entry of entries) {
    names.push(entry.header.name);
    entry.resume();
  }
  return names.filter((name) => !name.endsWith('/'));
};

/** A writable layer on the image; gives the folder in which its changes are. */
const writable = async ({ containerd }: Given, key: string, parent: string): Promise<string> => {
  const { mounts } = await containerd.call('Snapshots.Prepare', { snapshotter: 'overlayfs', key, parent, labels: { 'containerd.io/gc.root': '2026-01-01T00:00:00Z' } });
  return mounts[0]?.options.find((option) => option.startsWith('upperdir='))?.slice('upperdir='.length) ?? '';
};

onLinux("a container's changes become a layer of a new image", async (t) => {
  const given = house.world();
  const parent = await importBusybox(given);
  const upper = await writable(given, 'container', parent.chainId);
  await mkdir(join(upper, 'etc'), { recursive: true });
  await writeFile(join(upper, 'etc/motd'), 'welcome\n');
  await promisify(execFile)('mknod', [join(upper, 'etc/group'), 'c', '0', '0']);
  const config = { ...plainConfig, created: '2026-03-03T00:00:00Z', author: 'me', comment: 'changed', container_config: { Cmd: ['sh', '-c', 'x'] } };
  const image = await given.images.commit('container', parent, config);
  t.is(image.parent, parent.id);
  t.deepEqual(image.config.history?.at(-1), { created: config.created, created_by: 'sh -c x', author: 'me', comment: 'changed' });
  t.is(image.layerSizes.length, 2);
  t.is(image.layerSizes[1], 'welcome\n'.length);
  const diff = await readAll(readBlob(given.containerd, image.config.rootfs.diff_ids[1] ?? ''));
  t.deepEqual((await namesIn(diff)).sort(), ['etc/.wh.group', 'etc/motd']);
  const saved = await readAll(await given.images.save([{ image, references: ['docker.io/library/changed:1'] }]));
  t.is((await load(house.world(), saved)).loaded[0]?.image.id, image.id);
  t.deepEqual(await leftovers(given), []);
});

onLinux('a container that changed nothing gives an image without a new layer', async (t) => {
  const given = house.world();
  const parent = await importBusybox(given);
  await writable(given, 'idle', parent.chainId);
  const image = await given.images.commit('idle', parent, { ...plainConfig, comment: 'the same' });
  t.is(image.layerSizes.length, 1);
  t.true(image.config.history?.at(-1)?.empty_layer);
});

onLinux('an archive that nobody reads to its end holds nothing', async (t) => {
  const given = house.world();
  const image = await importBusybox(given);
  const archive = await given.images.save([{ image, references: [] }]);
  for await (const chunk of archive) {
    t.true((chunk as Buffer).length > 0);
    break;
  }
  while ((await leftovers(given)).length > 0) await new Promise((resolve) => setImmediate(resolve));
  t.pass();
});

onLinux('what a crash left half done is given up at the next start', async (t) => {
  const given = house.world();
  const image = await importBusybox(given);
  const { blobs, snapshots } = { blobs: await blobsOf(given), snapshots: await snapshotsOf(given) };
  await given.containerd.call('Leases.Create', { id: 'tallyd-of-a-dead-one', labels: { 'containerd.io/gc.expire': '2100-01-01T00:00:00Z' } });
  const store = { ...given, clock, random } as unknown as Store;
  await ingest(store, 'tallyd-of-a-dead-one', [Buffer.from('half of an image')]);
  await openIngest(store, 'tallyd-of-a-dead-one').write(Buffer.from('half of a blob'));
  await forgetUnfinished(given.containerd);
  t.deepEqual([await blobsOf(given), await snapshotsOf(given), await leftovers(given)], [blobs, snapshots, []]);
  t.deepEqual(await given.images.held(), [image.id]);
});

const peer = process.env['PEER']?.replace('unix://', '');
const docker = (args: string[]): Promise<{ stdout: string }> => promisify(execFile)('docker', ['-H', `unix://${peer}`, ...args]);

(lacking === null && peer !== undefined && hasProgram('docker') ? test : test.skip)('a stock dockerd loads what was saved here, and the other way round', async (t) => {
  const given = house.world();
  const image = await importBusybox(given);
  const name = `round-trip-${process.pid}:1`;
  const folder = await mkdtemp(join(tmpdir(), 'tallyd-round-'));
  t.teardown(async () => {
    await docker(['rmi', '-f', name]).catch(() => {});
    await rm(folder, { recursive: true, force: true });
  });
  await writeFile(join(folder, 'ours.tar'), await given.images.save([{ image, references: [`docker.io/library/${name}`] }]));
  t.is((await docker(['load', '-i', join(folder, 'ours.tar')])).stdout, `Loaded image: ${name}\n`);
  t.is((await docker(['run', '--rm', name, 'echo', 'hello'])).stdout, 'hello\n');
  const theirs = await new Promise<Buffer>((resolve, reject) => {
    request({ socketPath: peer, path: `/images/${name}/get` }, (answer) => void readAll(answer).then(resolve, reject)).on('error', reject).end();
  });
  const { loaded } = await load(house.world(), theirs);
  t.is(loaded[0]?.image.id, image.id);
  t.deepEqual(loaded[0]?.references, [`docker.io/library/${name}`]);
});
