// find-container.ts: a container by what people call it: its id, its name, the beginning of its id
import { Refused } from '../refused.ts';
import { all, get, isGone, viewOf, type Entity, type Roster } from '../roster.ts';
import type { Views } from '../../machines/index.ts';

export type Container = Entity<'container'>;

const existing = (entity: Container | undefined): Container | undefined =>
  entity && !isGone(entity.snapshot) && entity.snapshot.value !== 'absent' && entity.snapshot.value !== 'preparing' ? entity : undefined;

const noSuch = (reference: string) => new Refused('notFound', `No such container: ${reference}`);

/** moby: daemon/container.go GetContainer, container/view.go GetByPrefix */
export function findContainer(roster: Roster, reference: string): Container {
  if (reference === '') throw new Refused('invalid', 'invalid name or ID supplied: ""');
  const whole = existing(get(roster, 'container', reference));
  if (whole) return whole;
  const id = roster.names.container.get(reference.replace(/^\//, ''));
  const named = id === undefined ? undefined : existing(get(roster, 'container', id));
  if (named) return named;
  if (!/^[0-9a-f]+$/.test(reference)) throw noSuch(reference);
  let found: Container | undefined;
  for (const container of all(roster, 'container')) {
    if (!container.id.startsWith(reference) || !existing(container)) continue;
    if (found) throw new Refused('invalid', `multiple IDs found with provided prefix: ${reference}`);
    found = container;
  }
  if (!found) throw noSuch(reference);
  return found;
}

/** Null instead of a refusal. */
export function findContainerIfAny(roster: Roster, reference: string): Container | null {
  try {
    return findContainer(roster, reference);
  } catch {
    return null;
  }
}

export const contextOf = (container: Container): Views['container']['context'] => viewOf(container).context;
export const stateOf = (container: Container): Views['container']['state'] => viewOf(container).state;
