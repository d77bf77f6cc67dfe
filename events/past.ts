// past.ts: shapes that facts had in earlier versions, and what each has become
import { getDotPath, safeParse } from 'valibot';
import type { Recorded } from './fact.ts';
import { rows } from './index.ts';

/**
 * A shape that is no longer recorded but stands in older logs. The name of a fact is never changed and a
 * recorded fact never rewritten: whoever changes a row adds here what its data looked like before.
 */
export interface Retired {
  readonly type: string;
  /** Does this data have the retired shape? Must say no to every later shape of the same fact. */
  readonly fits: (data: unknown) => boolean;
  /** The data in the next later shape, which may itself be a retired one that stands further down. */
  readonly become: (data: never) => unknown;
}

/** Oldest shapes first. */
export const retired: readonly Retired[] = [];

/** The fact as today's charts know it; applied by every store to all that it reads. */
export function upcast(fact: Recorded, shapes: readonly Retired[] = retired): Recorded {
  let data = fact.data;
  for (const shape of shapes) {
    if (shape.type === fact.type && shape.fits(data)) data = shape.become(data as never);
  }
  return data === fact.data ? fact : { ...fact, data };
}

/** `/signal`, `/ports/0`. */
const place = (issue: Parameters<typeof getDotPath>[0]) => (getDotPath(issue) ?? '').split('.').map((step) => `/${step}`).join('');

/** What is wrong with a fact by its own row, one sentence each; empty when all is well. */
export function checkFact(fact: Recorded): string[] {
  const row = rows.get(fact.type);
  if (!row) return [`no fact is called ${fact.type}`];
  const result = safeParse(row.schema, fact.data);
  return (result.issues ?? []).map((issue) => `${fact.type}${place(issue)}: ${issue.message}`);
}
