// find-image.ts: an image by what people call it: a name, an id, the beginning of one
import { familiarName, fullName, parseReference, withDefaultTag } from '../registry/reference.ts';
import { Refused } from '../refused.ts';
import { all, get, viewOf, type Entity, type Roster } from '../roster.ts';

const present = (entity: Entity<'image'> | undefined): Entity<'image'> | undefined =>
  entity && viewOf(entity).state === 'present' ? entity : undefined;

function byName(roster: Roster, reference: string): Entity<'image'> | undefined {
  const id = roster.names.image.get(reference);
  return id === undefined ? undefined : present(get(roster, 'image', id));
}

/** Null when there is none, or more than one id begins like that. */
export function findImage(roster: Roster, wanted: string): Entity<'image'> | null {
  const hex = wanted.startsWith('sha256:') ? wanted.slice('sha256:'.length) : wanted;
  if (/^[0-9a-f]{64}$/.test(hex)) return present(get(roster, 'image', hex)) ?? null;
  const named = wanted.startsWith('sha256:') ? undefined : byName(roster, fullNameOf(wanted) ?? '');
  if (named) return named;
  if (!/^[0-9a-f]+$/.test(hex)) return null;
  const matching = [...all(roster, 'image')].filter(({ id }) => id.startsWith(hex));
  return matching.length === 1 ? (present(matching[0]) ?? null) : null;
}

export function fullNameOf(text: string): string | null {
  try {
    return fullName(withDefaultTag(parseReference(text)));
  } catch {
    return null;
  }
}

/** `No such image: busybox:latest`, as dockerd says it of names; of ids it repeats what was asked. */
export function missingImage(wanted: string): Refused {
  if (/^(sha256:)?[0-9a-f]{64}$/.test(wanted)) return new Refused('notFound', `No such image: ${wanted}`);
  return new Refused('notFound', `No such image: ${familiarName(withDefaultTag(parseReference(wanted)))}`);
}
