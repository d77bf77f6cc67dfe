// image.ts: what clients ask of images
import type { ImageRecord } from '../../events/image.ts';
import type { Arrival } from '../../machines/image/decide.ts';
import { ask, askUntil } from '../ask.ts';
import type { Engine, Listener } from '../engine.ts';
import { Refused } from '../refused.ts';
import { all, get, viewOf, type Entity, type Roster } from '../roster.ts';
import { familiarName, fullName, parseReference, repositoryName, withDefaultTag, type Reference } from '../registry/reference.ts';
import type { Asker } from '../turn.ts';
import type { Credentials, Platform, Progress } from '../world.ts';
import { changedConfig } from './config-changes.ts';
import { findImage, missingImage } from './find-image.ts';

export type Image = Entity<'image'>;
type Report = (line: Progress) => void;

const hexOf = (id: string): string => id.slice(id.indexOf(':') + 1);
export const idOfImage = ({ id }: Image): string => `sha256:${id}`;

export function imageNamed(roster: Roster, wanted: string): Image {
  const found = findImage(roster, wanted);
  if (!found) throw missingImage(wanted);
  return found;
}

export interface Arrived {
  readonly image: ImageRecord;
  readonly how: Arrival;
  /** For the notice: the id, or what was pulled. */
  readonly displayName: string;
  /** Of a pull. */
  readonly digest: string;
  /** Full names that mean this image from now on. */
  readonly references: readonly string[];
}

/** Records an image whose content is here; names that meant other images are taken from them. */
export async function addImage(engine: Engine, arrived: Arrived, asker: Asker): Promise<Image> {
  const { image, references, ...rest } = arrived;
  const hex = hexOf(image.id);
  const before = holdersOf(engine, references, hex);
  await ask(engine, 'image', hex, { name: 'add', image, references: [...references], ...rest }, asker);
  await dereference(engine, before, asker);
  return get(engine.roster, 'image', hex)!;
}

type Holding = readonly { readonly id: string; readonly reference: string }[];

const holdersOf = ({ roster }: Engine, references: readonly string[], except: string): Holding =>
  references.flatMap((reference) => {
    const id = roster.names.image.get(reference);
    return id === undefined || id === except ? [] : [{ id, reference }];
  });

async function dereference(engine: Engine, holding: Holding, asker: Asker): Promise<void> {
  for (const { id, reference } of holding) await ask(engine, 'image', id, { name: 'dereference', reference }, asker).catch(() => undefined);
}

/** Content may have been let go of while it was being fetched anew: then it is fetched once more. */
async function bring(engine: Engine, produce: () => Promise<Arrived>, asker: Asker): Promise<Image> {
  for (;;) {
    const arrived = await produce();
    const known = get(engine.roster, 'image', hexOf(arrived.image.id));
    if (!known || viewOf(known).state !== 'sweeping') return addImage(engine, arrived, asker);
    await swept(engine, known);
  }
}

function swept(engine: Engine, { stream }: Image): Promise<void> {
  return new Promise((resolve) => {
    const listener: Listener = (fact) => {
      if (fact.stream !== stream || fact.type !== 'image.swept') return;
      engine.listeners.delete(listener);
      resolve();
    };
    engine.listeners.add(listener);
  });
}

export interface PullRequest {
  readonly reference: Reference;
  readonly platform: Platform | null;
  readonly credentials: Credentials | null;
}

/** A pull's last lines, which say that it is done, are told when that is durable. */
const isLast = ({ status = '', stream = '' }: Progress): boolean => /^(Digest|Status): /.test(status) || stream.startsWith('Loaded image');

function holdingBackLast(report: Report): { report: Report; release: () => void } {
  const held: Progress[] = [];
  return { report: (line) => (isLast(line) ? held.push(line) : report(line)), release: () => held.forEach(report) };
}

export async function pullImage(engine: Engine, { reference, platform, credentials }: PullRequest, report: Report, signal: AbortSignal, asker: Asker): Promise<void> {
  await engine.ready;
  const named = withDefaultTag(reference);
  const told = holdingBackLast(report);
  await bring(engine, async () => {
    const { image, digest } = await engine.world.images.pull(fullName(named), platform, credentials, told.report, signal);
    const references = [...(named.tag === null ? [] : [fullName({ ...named, digest: null })]), `${repositoryName(named)}@${digest}`];
    return { image, how: 'pulled', displayName: familiarName(named), digest, references };
  }, asker);
  told.release();
}

/** Every tag of a repository, as `docker pull -a` asks for. */
export async function pullAllTags(engine: Engine, request: PullRequest, report: Report, signal: AbortSignal, asker: Asker): Promise<void> {
  await engine.ready;
  const tags = await engine.world.images.tags(repositoryName(request.reference), request.credentials);
  for (const tag of tags) await pullImage(engine, { ...request, reference: { ...request.reference, tag } }, report, signal, asker);
}

export interface ImportRequest {
  readonly tar: Parameters<Engine['world']['images']['importLayer']>[0];
  readonly reference: Reference | null;
  readonly platform: Platform;
  readonly comment: string;
  readonly changes: readonly string[];
}

/** Gives the new image's id. */
export async function importImage(engine: Engine, { tar, reference, platform, comment, changes }: ImportRequest, asker: Asker): Promise<string> {
  await engine.ready;
  const config = { ...platform, config: changedConfig({}, changes) };
  const image = await engine.world.images.importLayer(tar, config, comment);
  const added = await addImage(engine, { image, how: 'imported', displayName: image.id, digest: '', references: [] }, asker);
  if (reference) await tagImage(engine, added, reference, asker);
  return image.id;
}

export async function loadImages(engine: Engine, tar: ImportRequest['tar'], report: Report, asker: Asker): Promise<void> {
  await engine.ready;
  const told = holdingBackLast(report);
  const loaded = await engine.world.images.load(tar, told.report);
  for (const { image, references } of loaded) await addImage(engine, { image, how: 'loaded', displayName: image.id, digest: '', references }, asker);
  told.release();
}

export async function tagImage(engine: Engine, image: Image, reference: Reference, asker: Asker): Promise<void> {
  await engine.ready;
  const named = withDefaultTag(reference);
  const full = fullName(named);
  const before = holdersOf(engine, [full], image.id);
  await ask(engine, 'image', image.id, { name: 'tag', reference: full, displayName: familiarName(named) }, asker);
  await dereference(engine, before, asker);
}

/** What `docker save` is asked for: an image by its id without names, a name with its image, or all tags of a repository. */
export function savedImages(roster: Roster, names: readonly string[]): { image: ImageRecord; references: string[] }[] {
  const wanted = new Map<string, Set<string>>();
  const want = (id: string, ...references: string[]) => wanted.set(id, new Set([...(wanted.get(id) ?? []), ...references]));
  for (const name of names) {
    const repository = wholeRepository(roster, name);
    for (const [reference, id] of repository) want(id, reference);
    if (repository.length > 0) continue;
    const image = imageNamed(roster, name);
    if (isIdPrefix(image, name)) want(image.id);
    else want(image.id, fullName(withDefaultTag(parseReference(name))));
  }
  return [...wanted].map(([id, references]) => ({ image: viewOf(get(roster, 'image', id)!).context.image, references: [...references] }));
}

function wholeRepository(roster: Roster, name: string): [reference: string, id: string][] {
  const image = findImage(roster, name);
  if (image && isIdPrefix(image, name)) return [];
  const reference = parseReference(name);
  if (reference.tag !== null || reference.digest !== null) return [];
  const prefix = `${repositoryName(reference)}:`;
  return [...roster.names.image].filter(([each]) => each.startsWith(prefix));
}

export const isIdPrefix = (image: Image, wanted: string): boolean => idOfImage(image).startsWith(wanted) || image.id.startsWith(wanted);

export async function pushImage(engine: Engine, reference: Reference, credentials: Credentials | null, report: Report, signal: AbortSignal, asker: Asker) {
  await engine.ready;
  const full = fullName(withDefaultTag(reference));
  const id = engine.roster.names.image.get(full);
  const image = id === undefined ? undefined : get(engine.roster, 'image', id);
  if (!image) throw new Refused('notFound', `An image does not exist locally with the tag: ${familiarName({ ...reference, tag: null, digest: null })}`);
  const { context } = viewOf(image);
  const pushed = await engine.world.images.push(context.image, full, credentials, report, signal);
  const named = familiarName(withDefaultTag(reference));
  await ask(engine, 'image', image.id, { name: 'note', fact: { type: 'image.pushed', data: { name: named } } }, asker);
  return pushed;
}

/** All tags of a repository that are here. */
export const tagsHere = (roster: Roster, reference: Reference): string[] => {
  const prefix = `${repositoryName(reference)}:`;
  return [...roster.names.image.keys()].filter((each) => each.startsWith(prefix)).map((each) => each.slice(prefix.length));
};

/** Images that were made on this one. */
export const childrenOf = (roster: Roster, id: string): Image[] => [...all(roster, 'image')].filter((other) => viewOf(other).context.image.parent === id);

/** Takes one reference away, with a notice (`untag`) or without. */
export const untag = (engine: Engine, image: Image, references: readonly string[], remove: boolean, asker: Asker) =>
  ask(engine, 'image', image.id, { name: 'untag', references: [...references], displayName: idOfImage(image), remove }, asker);

/** Resolves when its content is let go of, so that it can be pulled again at once. */
export const drop = (engine: Engine, image: Image, references: readonly string[], asker: Asker) =>
  askUntil(engine, 'image', image.id, { name: 'untag', references: [...references], displayName: idOfImage(image), remove: true }, asker, ['image.swept']);
