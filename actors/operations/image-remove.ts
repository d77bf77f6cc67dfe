// image-remove.ts: when an image may be removed, and what goes with it. moby: daemon/images/image_delete.go
import { booleans, dockerStatus } from '../../machines/container/status.ts';
import { chainIds } from '../images/layers.ts';
import type { Engine } from '../engine.ts';
import { familiarName, fullName, parseReference, repositoryName, withDefaultTag } from '../registry/reference.ts';
import { Refused } from '../refused.ts';
import { all, get, viewOf, type Roster } from '../roster.ts';
import { ask } from '../ask.ts';
import type { Asker } from '../turn.ts';
import { childrenOf, drop, idOfImage, imageNamed, isIdPrefix, untag, type Image } from './image.ts';

export interface RemoveOptions {
  readonly force: boolean;
  /** Parents without names and users go too. */
  readonly prune: boolean;
}
export type Removed = { readonly Untagged: string } | { readonly Deleted: string };

const short = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12);
const referencesOf = (image: Image): readonly string[] => viewOf(image).context.references;
const isDigest = (reference: string): boolean => reference.includes('@');
const familiar = (reference: string): string => familiarName(parseReference(reference));
const repositoryOf = (reference: string): string => repositoryName(parseReference(reference));

interface User {
  readonly id: string;
  readonly running: boolean;
}

function usersOf(roster: Roster, image: Image): User[] {
  const users: User[] = [];
  for (const container of all(roster, 'container')) {
    const { state, context } = viewOf(container);
    if (context.spec.image.id === idOfImage(image)) users.push({ id: container.id, running: booleans(dockerStatus(state, context)).Running });
  }
  return users;
}

/** All references are of one repository, with at most one tag among them. */
function isSingle(references: readonly string[]): boolean {
  if (references.length <= 1) return references.length === 1;
  const tags = references.filter((reference) => !isDigest(reference));
  return tags.length <= 1 && new Set(references.map(repositoryOf)).size === 1;
}

interface Obstacle {
  readonly message: string;
  readonly hard: boolean;
  readonly used: boolean;
}

/** Softer ones are looked for unless it is forced; names only when they were not the thing asked to be removed. */
function obstacleOf(roster: Roster, image: Image, soft: { readonly users: boolean; readonly names: boolean }): Obstacle | null {
  if (childrenOf(roster, idOfImage(image)).length > 0) return { message: 'image has dependent child images', hard: true, used: false };
  const users = usersOf(roster, image);
  const running = users.find((user) => user.running);
  if (running) return { message: `image is being used by running container ${short(running.id)}`, hard: true, used: true };
  if (soft.names && referencesOf(image).length > 0) return { message: 'image is referenced in multiple repositories', hard: false, used: false };
  const stopped = soft.users ? users[0] : undefined;
  return stopped ? { message: `image is being used by stopped container ${short(stopped.id)}`, hard: false, used: true } : null;
}

const conflict = (image: Image, { message, hard }: Obstacle): Refused =>
  new Refused('conflict', `conflict: unable to delete ${short(image.id)} (${hard ? 'cannot be forced' : 'must be forced'}) - ${message}`);

export async function removeImage(engine: Engine, wanted: string, options: RemoveOptions, asker: Asker): Promise<Removed[]> {
  await engine.ready;
  const image = imageNamed(engine.roster, wanted);
  if (isIdPrefix(image, wanted)) return removeById(engine, image, options, asker);
  return removeByName(engine, image, wanted, options, asker);
}

async function removeByName(engine: Engine, image: Image, wanted: string, options: RemoveOptions, asker: Asker): Promise<Removed[]> {
  const user = !options.force && isSingle(referencesOf(image)) ? usersOf(engine.roster, image)[0] : undefined;
  if (user) {
    const sentence = `unable to remove repository reference "${wanted}" (must force) - container ${short(user.id)} is using its referenced image ${short(image.id)}`;
    throw new Refused('conflict', `conflict: ${sentence}`);
  }
  const reference = fullName(withDefaultTag(parseReference(wanted)));
  await untag(engine, image, [reference], false, asker);
  const removed: Removed[] = [{ Untagged: familiar(reference) }, ...(isDigest(reference) ? [] : await untagDigests(engine, image, reference, asker))];
  if (referencesOf(image).length > 0) return removed;
  return [...removed, ...(await removeWhole(engine, image, options, true, asker))];
}

/** With the last tag of a repository its digests go, and Docker prints no event for them. */
async function untagDigests(engine: Engine, image: Image, tag: string, asker: Asker): Promise<Removed[]> {
  const same = referencesOf(image).filter((reference) => repositoryOf(reference) === repositoryOf(tag));
  if (same.some((reference) => !isDigest(reference))) return [];
  for (const reference of same) await ask(engine, 'image', image.id, { name: 'dereference', reference }, asker);
  return same.map((reference) => ({ Untagged: familiar(reference) }));
}

async function removeById(engine: Engine, image: Image, options: RemoveOptions, asker: Asker): Promise<Removed[]> {
  if (!isSingle(referencesOf(image))) return removeWhole(engine, image, options, false, asker);
  const obstacle = obstacleOf(engine.roster, image, { users: !options.force, names: false });
  if (obstacle) throw conflict(image, obstacle);
  return removeWhole(engine, image, { ...options, force: true }, false, asker);
}

/** `quiet`: what stands in the way of an image that somebody uses is no error, since its name was removed. */
async function removeWhole(engine: Engine, image: Image, { force, prune }: RemoveOptions, quiet: boolean, asker: Asker): Promise<Removed[]> {
  const obstacle = obstacleOf(engine.roster, image, { users: !force, names: !force });
  if (obstacle) {
    const dangling = referencesOf(image).length === 0 && childrenOf(engine.roster, idOfImage(image)).length === 0;
    if (quiet && (!dangling || obstacle.used)) return [];
    throw conflict(image, obstacle);
  }
  const references = [...referencesOf(image)];
  const { parent } = viewOf(image).context.image;
  const layers = ownLayers(engine.roster, image);
  await drop(engine, image, references, asker);
  const removed: Removed[] = [
    ...references.map((reference) => ({ Untagged: familiar(reference) })), { Deleted: idOfImage(image) }, ...layers.map((Deleted) => ({ Deleted })),
  ];
  const above = prune && parent ? get(engine.roster, 'image', parent.replace(/^sha256:/, '')) : undefined;
  if (!above || viewOf(above).state !== 'present') return removed;
  return [...removed, ...(await removeWhole(engine, above, { force: false, prune: true }, true, asker))];
}

const chainOf = (image: Image): string[] => chainIds(viewOf(image).context.image.config.rootfs.diff_ids);

/** Chain ids of the layers that no other image has, topmost first. */
function ownLayers(roster: Roster, image: Image): string[] {
  const others = new Set([...all(roster, 'image')].filter((other) => other !== image).flatMap(chainOf));
  return chainOf(image).filter((layer) => !others.has(layer)).reverse();
}

export interface PruneFilter {
  /** Only those without a tag; else all that no container uses. */
  readonly danglingOnly: boolean;
  wanted(image: Image): boolean;
}

export async function pruneImages(engine: Engine, { danglingOnly, wanted }: PruneFilter, asker: Asker): Promise<{ removed: Removed[]; reclaimed: number }> {
  await engine.ready;
  const removed: Removed[] = [];
  const sizes = layerSizes(engine.roster);
  for (const image of [...all(engine.roster, 'image')]) {
    const references = [...referencesOf(image)];
    const children = childrenOf(engine.roster, idOfImage(image)).length;
    if (!wanted(image) || (children > 0 && (danglingOnly || references.length === 0))) continue;
    if (danglingOnly && references.some((reference) => !isDigest(reference))) continue;
    for (const name of references.length > 0 ? references.map(familiar) : [image.id]) {
      removed.push(...(await removeImage(engine, name, { force: false, prune: true }, asker).catch(() => [])));
    }
  }
  const reclaimed = removed.reduce((sum, each) => sum + ('Deleted' in each ? (sizes.get(each.Deleted) ?? 0) : 0), 0);
  return { removed, reclaimed };
}

/** Bytes of each layer, by chain id. */
export function layerSizes(roster: Roster): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const image of all(roster, 'image')) {
    const { layerSizes } = viewOf(image).context.image;
    for (const [index, layer] of chainOf(image).entries()) sizes.set(layer, layerSizes[index] ?? 0);
  }
  return sizes;
}
