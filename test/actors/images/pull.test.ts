// pull.test.ts: images out of registries: sound ones, slow ones, damaged ones, and ones that ask who is there
import { once } from 'node:events';
import { createServer } from 'node:http';
import test from 'ava';
import { type Credentials, type Platform, type Progress, WorldFailure } from '../../../actors/world.ts';
import { mediaTypes } from '../../../actors/registry/manifest.ts';
import { openSession } from '../../../actors/registry/session.ts';
import { digestOf, type MemoryRegistry, openDebianRegistry, openMemoryRegistry, refuse } from '../registry/_registry.ts';
import { blobsOf, type Given, hasProgram, type House, lacking, leftovers, openHouse, snapshotsOf, tarOf } from './_given.ts';

const onLinux = lacking === null ? test : test.skip;
let house: House;
let registry: MemoryRegistry;
test.before(async () => {
  registry = await openMemoryRegistry();
  if (lacking === null) house = await openHouse();
});
test.after.always(async () => {
  await house?.close();
  await registry?.close();
});

interface Pulled {
  readonly lines: Progress[];
  readonly statuses: string[];
}
const never = new AbortController().signal;
interface Asked {
  readonly signal?: AbortSignal;
  readonly platform?: Platform;
  readonly credentials?: Credentials;
}
const pull = async ({ images }: Given, reference: string, asked: Asked = {}) => {
  const lines: Progress[] = [];
  const result = await images.pull(reference, asked.platform ?? null, asked.credentials ?? null, (line) => lines.push(line), asked.signal ?? never);
  const pulled: Pulled = { lines, statuses: lines.map(({ status = '' }) => status) };
  return { ...result, ...pulled };
};
const failureOf = async (asked: Promise<unknown>): Promise<WorldFailure> => {
  try {
    await asked;
  } catch (error) {
    if (error instanceof WorldFailure) return error;
    throw error;
  }
  throw new Error('it did not fail');
};

/** Layers that no other test has. */
const tars = (name: string, count = 2): Promise<Buffer[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => tarOf({ [`${name}-${index}`]: name.repeat(200 + index) })));
const big = (name: string): Promise<Buffer> => tarOf({ [name]: Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 2654435761) % 251)) });

onLinux('an image is pulled by its tag, layer by layer', async (t) => {
  const given = house.world();
  const made = registry.addImage('plain/image', 'v1', await tars('plain'));
  const { image, digest, lines, statuses } = await pull(given, `${registry.host}/plain/image:v1`);
  t.is(image.id, made.id);
  t.is(digest, made.descriptor.digest);
  t.is(image.layerSizes.length, 2);
  t.is(image.size, 'plain'.length * 401);
  t.deepEqual(await given.images.held(), [made.id]);
  t.deepEqual(lines[0], { status: 'Pulling from plain/image', id: 'v1' });
  for (const status of ['Pulling fs layer', 'Downloading', 'Verifying Checksum', 'Download complete', 'Extracting', 'Pull complete']) t.true(statuses.includes(status), status);
  t.deepEqual(statuses.slice(-2), [`Digest: ${digest}`, `Status: Downloaded newer image for ${registry.host}/plain/image:v1`]);
  const line = lines.findLast(({ status }) => status === 'Downloading');
  t.true(made.layers.some((layer) => layer.slice(7, 19) === line?.id), 'layers come at once, in any order');
  t.deepEqual(await leftovers(given), []);
});

onLinux('what is there already is not pulled again', async (t) => {
  const given = house.world();
  const [base = Buffer.alloc(0), ...more] = await tars('again', 3);
  registry.addImage('again/one', 'v1', [base, ...more.slice(0, 1)]);
  const two = registry.addImage('again/two', 'v1', [base, ...more.slice(1)]);
  await pull(given, `${registry.host}/again/one:v1`);
  const second = await pull(given, `${registry.host}/again/two:v1`);
  t.is(second.statuses.filter((status) => status === 'Already exists').length, 1);
  t.is(second.image.id, two.id);
  const third = await pull(given, `${registry.host}/again/two@${two.descriptor.digest}`);
  t.is(third.statuses.at(-1), `Status: Image is up to date for ${registry.host}/again/two@${two.descriptor.digest}`);
});

onLinux('two pulls of the same image at once carry its layers once', async (t) => {
  const given = house.world();
  const made = registry.addImage('twice/image', 'v1', await tars('twice', 3));
  const both = await Promise.all([pull(given, `${registry.host}/twice/image:v1`), pull(given, `${registry.host}/twice/image:v1`)]);
  t.deepEqual(both.map(({ image }) => image.id), [made.id, made.id]);
  for (const layer of made.layers) t.is(registry.requests.filter((request) => request.endsWith(`/twice/image/blobs/${layer}`)).length, 1);
  t.deepEqual(await leftovers(given), []);
});

onLinux('the image for the platform is taken out of an index', async (t) => {
  const given = house.world();
  const arm = registry.addImage('many/image', 'arm', await tars('arm'), { platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } });
  const amd = registry.addImage('many/image', 'amd', await tars('amd'));
  const manifests = [
    { ...arm.descriptor, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
    { ...amd.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
  ];
  const index = registry.addManifest('many/image', 'all', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }, mediaTypes.ociIndex);
  const pulled = await pull(given, `${registry.host}/many/image:all`, { platform: { os: 'linux', architecture: 'arm64' } });
  t.is(pulled.image.id, arm.id);
  t.is(pulled.digest, index.digest);
  t.is((await pull(given, `${registry.host}/many/image:all`, { platform: { os: 'linux', architecture: 'amd64' } })).image.id, amd.id);
  const missing = await failureOf(pull(given, `${registry.host}/many/image:all`, { platform: { os: 'linux', architecture: 's390x' } }));
  t.is(missing.message, 'no matching manifest for linux/s390x in the manifest list entries');
  t.is(missing.failure.reason, 'imageMissing');
});

onLinux('a download goes on where its connection broke', async (t) => {
  const bent = await openMemoryRegistry();
  t.teardown(bent.close);
  const given = house.world();
  const made = bent.addImage('broken/image', 'v1', [await big('broken')]);
  const [layer = ''] = made.layers;
  let breaks = 2;
  const ranges: (string | undefined)[] = [];
  bent.hook = (request, response) => {
    if (!request.url?.endsWith(layer)) return false;
    ranges.push(request.headers.range);
    if (breaks-- <= 0) return false;
    response.writeHead(request.headers.range === undefined ? 200 : 206, { 'content-length': '1000000' });
    response.flushHeaders();
    response.destroy();
    return true;
  };
  const { image, statuses } = await pull(given, `${bent.host}/broken/image:v1`);
  t.is(image.id, made.id);
  t.is(ranges.length, 3);
  t.is(statuses.filter((status) => status.startsWith('Retrying in')).length, 2);
});

onLinux('a download that was cut goes on behind what has come', async (t) => {
  const bent = await openMemoryRegistry();
  t.teardown(bent.close);
  const given = house.world();
  const made = bent.addImage('cut/image', 'v1', [await big('cut')]);
  const [layer = ''] = made.layers;
  const ranges: (string | undefined)[] = [];
  bent.hook = (request, response) => {
    if (!request.url?.endsWith(layer)) return false;
    ranges.push(request.headers.range);
    if (ranges.length > 1) return false;
    const bytes = bent.blob(layer);
    response.writeHead(200, { 'content-length': String(bytes.length) });
    response.write(bytes.subarray(0, 1000), () => response.destroy());
    return true;
  };
  t.is((await pull(given, `${bent.host}/cut/image:v1`)).image.id, made.id);
  t.is(ranges.length, 2);
  t.true(ranges[1] === 'bytes=1000-' || ranges[1] === undefined);
});

onLinux('a registry that cannot begin in the middle is read from the beginning', async (t) => {
  const bent = await openMemoryRegistry();
  t.teardown(bent.close);
  const given = house.world();
  const made = bent.addImage('whole/image', 'v1', [await big('whole')]);
  const [layer = ''] = made.layers;
  let asked = 0;
  bent.hook = (request, response) => {
    if (!request.url?.endsWith(layer)) return false;
    const bytes = bent.blob(layer);
    response.writeHead(200, { 'content-length': String(bytes.length) });
    if (asked++ > 0) response.end(bytes);
    else response.write(bytes.subarray(0, 1000), () => response.destroy());
    return true;
  };
  t.is((await pull(given, `${bent.host}/whole/image:v1`)).image.id, made.id);
});

onLinux('a damaged layer is refused, and nothing of the image stays', async (t) => {
  const bent = await openMemoryRegistry();
  t.teardown(bent.close);
  const given = house.world();
  const made = bent.addImage('damaged/image', 'v1', await tars('damaged'));
  const layer = made.layers[1] ?? '';
  bent.hook = (request, response) => {
    if (!request.url?.endsWith(layer)) return false;
    response.writeHead(200).end('x');
    return true;
  };
  const short = await failureOf(pull(given, `${bent.host}/damaged/image:v1`));
  t.is(short.failure.reason, 'registryFailed');
  bent.hook = (request, response) => {
    if (!request.url?.endsWith(layer)) return false;
    response.writeHead(200).end(Buffer.alloc(100_000, 'x'));
    return true;
  };
  const wrong = await failureOf(pull(given, `${bent.host}/damaged/image:v1`));
  t.is(wrong.message, `filesystem layer verification failed for digest ${layer}`);
  t.deepEqual([await given.images.held(), await blobsOf(given), await snapshotsOf(given), await leftovers(given)], [[], [], [], []]);
});

onLinux('a layer that is not what the config says is refused', async (t) => {
  const given = house.world();
  const [one = Buffer.alloc(0), other = Buffer.alloc(0)] = await tars('unlike');
  registry.addImage('unlike/image', 'v1', [one], { diffIds: [digestOf(other)] });
  const failure = await failureOf(pull(given, `${registry.host}/unlike/image:v1`));
  t.is(failure.failure.reason, 'invalid');
  t.regex(failure.message, /^invalid diffID for layer: expected/);
  t.deepEqual([await blobsOf(given), await snapshotsOf(given), await leftovers(given)], [[], [], []]);
});

onLinux('a pull that is cancelled leaves nothing behind and can be begun again', async (t) => {
  const slow = await openMemoryRegistry();
  t.teardown(slow.close);
  const given = house.world();
  const made = slow.addImage('slow/image', 'v1', [...(await tars('slow')), await big('slow')]);
  const asked = Promise.withResolvers<void>();
  slow.hook = (request, response) => {
    if (!request.url?.endsWith(made.layers[2] ?? '-')) return false;
    response.writeHead(200, { 'content-length': '100000' });
    response.write('some');
    asked.resolve();
    return true;
  };
  const controller = new AbortController();
  const first = failureOf(pull(given, `${slow.host}/slow/image:v1`, { signal: controller.signal }));
  const waiting = failureOf(pull(given, `${slow.host}/slow/image:v1`, { signal: controller.signal }));
  await asked.promise;
  controller.abort();
  t.is((await first).message, 'context canceled');
  t.is((await waiting).message, 'context canceled');
  t.deepEqual([await given.images.held(), await blobsOf(given), await snapshotsOf(given), await leftovers(given)], [[], [], [], []]);
  slow.hook = () => false;
  t.is((await pull(given, `${slow.host}/slow/image:v1`)).image.id, made.id);
});

onLinux('an image that is not there is told as Docker tells it', async (t) => {
  const given = house.world();
  const failure = await failureOf(pull(given, `${registry.host}/no/image:v1`));
  t.is(failure.message, `manifest for ${registry.host}/no/image:v1 not found: manifest unknown: manifest unknown`);
  t.is(failure.failure.reason, 'imageMissing');
});

onLinux('a registry that is not there is told as Docker tells it', async (t) => {
  const gone = await openMemoryRegistry();
  await gone.close();
  const failure = await failureOf(pull(house.world(), `${gone.host}/any/image:v1`));
  t.is(failure.message, `Get "http://${gone.host}/v2/": dial tcp ${gone.host}: connect: connection refused`);
  t.is(failure.failure.reason, 'registryFailed');
});

/** Tokens for `open/...` only, and for `user` with `secret` also for all else. */
const guard = async (t: { teardown(done: () => Promise<void>): void }): Promise<{ guarded: MemoryRegistry; tokens: string[] }> => {
  const tokens: string[] = [];
  const secret = `Basic ${Buffer.from('user:secret').toString('base64')}`;
  const server = createServer((request, response) => {
    const scope = new URL(request.url ?? '', 'http://tokens').searchParams.get('scope') ?? '';
    const { authorization } = request.headers;
    tokens.push(scope);
    if (authorization !== undefined && authorization !== secret) return refuse(response, 401, 'UNAUTHORIZED', 'incorrect username or password');
    const granted = authorization === secret || scope.startsWith('repository:open/') ? 'full' : 'empty';
    response.end(JSON.stringify({ token: granted, expires_in: 60 }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const guarded = await openMemoryRegistry();
  t.teardown(async () => {
    server.closeAllConnections();
    server.close();
    await guarded.close();
  });
  const { port } = server.address() as { port: number };
  guarded.hook = (request, response) => {
    if (request.headers.authorization === 'Bearer full') return false;
    const error = request.headers.authorization === 'Bearer empty' ? ',error="insufficient_scope"' : '';
    if (request.url === '/v2/' && error !== '') return false;
    refuse(response, 401, 'UNAUTHORIZED', 'authentication required', {
      'www-authenticate': `Bearer realm="http://127.0.0.1:${port}/token",service="test"${error}`,
    });
    return true;
  };
  return { guarded, tokens };
};

onLinux('a registry with a token server gives public images to anybody', async (t) => {
  const { guarded, tokens } = await guard(t);
  const made = guarded.addImage('open/image', 'v1', await tars('open'));
  t.is((await pull(house.world(), `${guarded.host}/open/image:v1`)).image.id, made.id);
  t.deepEqual(tokens, ['repository:open/image:pull']);
});

onLinux('a private image needs a login', async (t) => {
  const { guarded } = await guard(t);
  const made = guarded.addImage('closed/image', 'v1', await tars('closed'));
  const given = house.world();
  const reference = `${guarded.host}/closed/image:v1`;
  const denied = await failureOf(pull(given, reference));
  t.is(denied.message, `pull access denied for ${guarded.host}/closed/image, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`);
  t.is(denied.failure.reason, 'imageMissing');
  const wrong = await failureOf(pull(given, reference, { credentials: { username: 'user', password: 'guess' } }));
  t.is(wrong.message, 'unauthorized: incorrect username or password');
  t.is((await pull(given, reference, { credentials: { username: 'user', password: 'secret' } })).image.id, made.id);
});

onLinux('a mirror is asked instead of Docker Hub', async (t) => {
  const given = house.world({ mirrors: [`http://${registry.host}/`] });
  const made = registry.addImage('library/mirrored', 'latest', await tars('mirrored'));
  const { image, lines, statuses } = await pull(given, 'docker.io/library/mirrored:latest');
  t.is(image.id, made.id);
  t.deepEqual(lines[0], { status: 'Pulling from library/mirrored', id: 'latest' });
  t.is(statuses.at(-1), 'Status: Downloaded newer image for mirrored:latest');
});

(lacking === null && hasProgram('docker-registry') ? test : test.skip)("Debian's registry takes what is pushed to it, gives it back, and tells its tags", async (t) => {
  const debian = await openDebianRegistry();
  t.teardown(debian.close);
  const source = await openMemoryRegistry();
  t.teardown(source.close);
  const made = source.addImage('team/image', 'v1', await tars('debian'));
  const access = { path: 'team/image', actions: 'pull,push', credentials: null, options: {}, signal: never } as const;
  const from = await openSession({ base: `http://${source.host}`, mirror: false, trusted: false }, access);
  const to = await openSession({ base: `http://${debian.host}`, mirror: false, trusted: false }, access);
  t.teardown(from.close);
  t.teardown(to.close);
  const { bytes, mediaType } = await from.manifest('v1');
  const manifest = JSON.parse(bytes.toString()) as { config: { digest: string; size: number }; layers: { digest: string; size: number }[] };
  for (const { digest, size } of [manifest.config, ...manifest.layers]) {
    t.false(await to.hasBlob(digest));
    await to.putBlob(digest, size, (await from.blob(digest, 0, never)).body);
    t.true(await to.hasBlob(digest));
  }
  for (const tag of ['v1', 'v2']) await to.putManifest(tag, bytes, mediaType);
  const given = house.world();
  t.is((await pull(given, `${debian.host}/team/image:v2`)).image.id, made.id);
  t.deepEqual((await given.images.tags(`${debian.host}/team/image`, null)).sort(), ['v1', 'v2']);
  const unknown = await failureOf(given.images.tags(`${debian.host}/no/image`, null));
  t.is(unknown.failure.reason, 'imageMissing');
});
