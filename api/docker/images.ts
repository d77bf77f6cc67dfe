// images.ts: /images
import { Readable } from 'node:stream';
import { ask } from '../../actors/ask.ts';
import { machineOf } from '../../actors/operations/container-create.ts';
import { importImage, imageNamed, loadImages, pullAllTags, pullImage, pushImage, savedImages, tagImage, tagsHere } from '../../actors/operations/image.ts';
import { layerSizes, pruneImages, removeImage } from '../../actors/operations/image-remove.ts';
import { familiarRepository, parseReference, type Reference } from '../../actors/registry/reference.ts';
import { Refused } from '../../actors/refused.ts';
import { all, viewOf, type Roster } from '../../actors/roster.ts';
import { chainIds } from '../../actors/images/layers.ts';
import { credentialsOf } from './credentials.ts';
import { listFilters, prunable, pruneFilters, selectImages, type Selected } from './image-filter.ts';
import { parsePlatform } from './platform.ts';
import { progressing } from './progress-stream.ts';
import { filters, flag, text } from './query.ts';
import { command, empty, json, query, stream, type Answer, type Call, type Row } from './route.ts';
import { imageHistory, inspectedImage, listedImage, createdAt } from './shapes/image.ts';

/** Containers by the id of their image. */
function containersByImage(roster: Roster): Map<string, number> {
  const counts = new Map<string, number>();
  for (const container of all(roster, 'container')) {
    const { id } = viewOf(container).context.spec.image;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

/** How many bytes of an image are in layers that other images have too. */
function sharing(roster: Roster): (selected: Selected) => number {
  const uses = new Map<string, number>();
  const chainOf = ({ image }: Pick<Selected, 'image'>) => chainIds(viewOf(image).context.image.config.rootfs.diff_ids);
  for (const image of all(roster, 'image')) for (const layer of chainOf({ image })) uses.set(layer, (uses.get(layer) ?? 0) + 1);
  const sizes = layerSizes(roster);
  return (selected) => chainOf(selected).reduce((sum, layer) => sum + ((uses.get(layer) ?? 0) > 1 ? (sizes.get(layer) ?? 0) : 0), 0);
}

const newestFirst = (a: Selected, b: Selected): number => Number((createdAt(b.image) ?? 0n) - (createdAt(a.image) ?? 0n));

export function listImages({ roster, version }: Pick<Call, 'roster' | 'version'>, selected: readonly Selected[], shared: boolean): object[] {
  const containers = containersByImage(roster);
  const sharedSize = shared ? sharing(roster) : () => -1;
  return [...selected].sort(newestFirst).map((each) =>
    listedImage(each.image, { references: each.references, containers: containers.get(`sha256:${each.image.id}`) ?? 0, sharedSize: sharedSize(each), version }));
}

function list(call: Call): Answer {
  const { roster, query: asked, version, engine } = call;
  const given = new Map(filters(asked, listFilters));
  if (version < 41 && asked.get('filter')) given.set('reference', [...(given.get('reference') ?? []), text(asked, 'filter')]);
  const selected = selectImages(all(roster, 'image'), { roster, filters: given, all: flag(asked, 'all'), now: engine.world.clock.now() });
  return json(listImages(call, selected, version >= 42 && flag(asked, 'shared-size')));
}

const inspect = ({ roster, params, version }: Call): Answer => json(inspectedImage(imageNamed(roster, params.name!), version));
const history = ({ roster, params }: Call): Answer => json(imageHistory(roster, imageNamed(roster, params.name!)));

/** `tag` may be a digest. */
function referenceOf(name: string, tag: string): Reference {
  const reference = parseReference(name);
  if (tag === '') return reference;
  return parseReference(tag.includes(':') ? `${plain(name)}@${tag}` : `${plain(name)}:${tag}`);
}
const plain = (name: string): string => name.replace(/@.*$/, '').replace(/:[^:/]*$/, '');

const platformOf = ({ query: asked, version }: Call) => (version >= 32 && text(asked, 'platform') !== '' ? parsePlatform(text(asked, 'platform')) : null);

function create(call: Call): Answer | Promise<Answer> {
  return text(call.query, 'fromImage') === '' ? doImport(call) : pull(call);
}

function pull(call: Call): Promise<Answer> {
  const { engine, query: asked, headers, signal, asker } = call;
  const reference = referenceOf(text(asked, 'fromImage').replace(/:$/, ''), text(asked, 'tag'));
  if (familiarRepository(reference) === 'scratch') throw new Refused('forbidden', "'scratch' is a reserved name");
  const request = { reference, platform: platformOf(call), credentials: credentialsOf(headers) };
  const whole = reference.tag === null && reference.digest === null;
  return progressing((report) => (whole ? pullAllTags : pullImage)(engine, request, report, signal, asker));
}

async function doImport(call: Call): Promise<Answer> {
  const { engine, query: asked, body, asker } = call;
  const source = text(asked, 'fromSrc');
  if (source !== '-') throw new Refused('notImplemented', 'importing from an address is not supported by this daemon: send the archive itself');
  const repository = text(asked, 'repo');
  const { architecture } = await machineOf(engine);
  const id = await importImage(engine, {
    tar: body, reference: repository === '' ? null : referenceOf(repository, text(asked, 'tag')), platform: platformOf(call) ?? { os: 'linux', architecture },
    comment: text(asked, 'message') || `Imported from ${source}`, changes: asked.getAll('changes'),
  }, asker);
  return progressing(async (report) => report({ status: id }));
}

function load({ engine, query: asked, body, asker }: Call): Promise<Answer> {
  const quiet = flag(asked, 'quiet', true);
  return progressing(async (report) => {
    const visible = (line: { progressDetail?: object }) => {
      if (!quiet || !line.progressDetail) report(line);
    };
    await loadImages(engine, body, visible, asker).catch((error: unknown) => failedInStream(report, error));
  });
}

/** dockerd has answered 200 before it looks at an archive. */
function failedInStream(report: (line: object) => void, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  report({ errorDetail: { message }, error: message });
}

async function save({ engine, roster, params, query: asked, asker }: Call): Promise<Answer> {
  const names = params.name === undefined ? asked.getAll('names') : [params.name];
  const images = savedImages(roster, names);
  const tar = await engine.world.images.save(images);
  for (const { image } of images) {
    await ask(engine, 'image', image.id.replace(/^sha256:/, ''), { name: 'note', fact: { type: 'image.saved', data: { name: image.id } } }, asker);
  }
  return stream('application/x-tar', Readable.from(tar));
}

async function tag({ engine, roster, params, query: asked, asker }: Call): Promise<Answer> {
  const reference = referenceOf(text(asked, 'repo'), text(asked, 'tag'));
  if (familiarRepository(reference) === 'sha256') throw new Refused('invalid', 'refusing to create an ambiguous tag using digest algorithm as name');
  if (reference.digest !== null) throw new Refused('invalid', 'refusing to create a tag with a digest reference');
  await tagImage(engine, imageNamed(roster, params.name!), reference, asker);
  return empty(201);
}

async function remove({ engine, params, query: asked, asker }: Call): Promise<Answer> {
  const name = params.name!;
  if (name.trim() === '') throw new Refused('invalid', 'image name cannot be blank');
  return json(await removeImage(engine, name, { force: flag(asked, 'force'), prune: !flag(asked, 'noprune') }, asker));
}

async function prune({ engine, query: asked, asker }: Call): Promise<Answer> {
  const { removed, reclaimed } = await pruneImages(engine, prunable(filters(asked, pruneFilters), engine.world.clock.now()), asker);
  return json({ ImagesDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: reclaimed });
}

function push({ engine, roster, params, query: asked, headers, signal, asker }: Call): Promise<Answer> {
  const reference = referenceOf(params.name!, text(asked, 'tag'));
  const tags = reference.tag === null ? tagsHere(roster, reference) : [reference.tag];
  const [first = 'latest', ...others] = tags;
  return progressing(async (report) => {
    for (const each of [first, ...others]) {
      const { digest, size } = await pushImage(engine, { ...reference, tag: each }, credentialsOf(headers), report, signal, asker);
      report({ progressDetail: {}, aux: { Tag: each, Digest: digest, Size: size } });
    }
  });
}

export const rows: readonly Row[] = [
  query('GET', '/images/json', list),
  query('GET', '/images/{name*}/json', inspect),
  query('GET', '/images/{name*}/history', history),
  command('POST', '/images/create', create),
  command('POST', '/images/load', load),
  command('GET', '/images/get', save),
  command('GET', '/images/{name*}/get', save),
  command('POST', '/images/{name*}/tag', tag),
  command('POST', '/images/{name*}/push', push),
  command('DELETE', '/images/{name*}', remove),
  command('POST', '/images/prune', prune, { since: 25 }),
];
