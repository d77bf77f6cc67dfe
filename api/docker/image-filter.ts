// image-filter.ts: which images `docker images` and `docker image prune` ask for
import { matchesGlob } from 'node:path';
import { Refused } from '../../actors/refused.ts';
import { childrenOf, idOfImage, imageNamed, type Image } from '../../actors/operations/image.ts';
import { familiarName, familiarRepository, parseReference } from '../../actors/registry/reference.ts';
import { viewOf, type Roster } from '../../actors/roster.ts';
import { timeOf } from './moment.ts';
import { booleanFilter, hasLabels, type Filters } from './query.ts';
import { createdAt } from './shapes/image.ts';

export const listFilters = ['dangling', 'label', 'before', 'since', 'reference', 'until'] as const;
export const pruneFilters = ['dangling', 'label', 'label!', 'until'] as const;

/** With the tag or without it. moby: distribution/reference FamiliarMatch */
function fits(pattern: string, full: string): boolean {
  const reference = parseReference(full);
  return matchesGlob(familiarName(reference), pattern) || matchesGlob(familiarRepository(reference), pattern);
}

const earliest = (times: readonly (bigint | null)[]): bigint | null => times.reduce((a, b) => (a === null || (b !== null && b < a) ? b : a), null);
const latest = (times: readonly (bigint | null)[]): bigint | null => times.reduce((a, b) => (a === null || (b !== null && b > a) ? b : a), null);

export const labelsOf = (image: Image): Record<string, string> => viewOf(image).context.image.config.config?.Labels ?? {};

export interface Selected {
  readonly image: Image;
  readonly references: readonly string[];
}

export interface Selection {
  readonly roster: Roster;
  readonly filters: Filters;
  readonly all: boolean;
  readonly now: bigint;
}

/** Those that pass, with the references of each that pass. moby: daemon/images/image_list.go */
export function selectImages(images: Iterable<Image>, { roster, filters, all, now }: Selection): Selected[] {
  const dangling = booleanFilter(filters, 'dangling');
  const given = (name: string) => filters.get(name) ?? [];
  const created = (name: string) => createdAt(imageNamed(roster, name));
  const before = earliest([...given('before').map(created), ...given('until').map((text) => timeOf(text, now))]);
  const since = latest(given('since').map(created));
  const patterns = given('reference');
  const selected: Selected[] = [];
  for (const image of images) {
    const time = createdAt(image);
    if (before !== null && (time === null || time >= before)) continue;
    if (since !== null && (time === null || time <= since)) continue;
    if (!hasLabels(labelsOf(image), given('label'))) continue;
    const references = viewOf(image).context.references.filter((each) => patterns.length === 0 || patterns.some((pattern) => fits(pattern, each)));
    const isParent = childrenOf(roster, idOfImage(image)).length > 0;
    if (references.length === 0) {
      if (patterns.length > 0 || dangling === false || (isParent && (!all || dangling === true))) continue;
    } else if (dangling === true && (isParent || references.some((each) => !each.includes('@')))) continue;
    selected.push({ image, references });
  }
  return selected;
}

/** For a prune; labels that must not be there are `label!`. */
export function prunable(filters: Filters, now: bigint): { danglingOnly: boolean; wanted: (image: Image) => boolean } {
  const untils = filters.get('until') ?? [];
  if (untils.length > 1) throw new Refused('failed', 'more than one until filter specified');
  const until = timeOf(untils[0] ?? '', now);
  const without = filters.get('label!') ?? [];
  return {
    danglingOnly: booleanFilter(filters, 'dangling') ?? true,
    wanted: (image) => {
      const time = createdAt(image);
      if (until !== null && (time === null || time > until)) return false;
      return hasLabels(labelsOf(image), filters.get('label') ?? []) && (without.length === 0 || !hasLabels(labelsOf(image), without));
    },
  };
}
