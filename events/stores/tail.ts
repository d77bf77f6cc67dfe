// tail.ts: the last facts, kept at hand so that live followers need no query
import type { Recorded } from '../fact.ts';

/** The most facts that are kept at hand. */
const kept = 2048;

export interface Tail {
  add(facts: readonly Recorded[]): void;
  /** All facts after a position, null when some of them are no longer at hand. */
  after(position: number): Recorded[] | null;
}

/** Facts after `start` will be added, each position in its turn. */
export function recentFacts(start: number): Tail {
  let facts: Recorded[] = [];
  let before = start;
  return {
    add(more) {
      facts.push(...more);
      if (facts.length <= 2 * kept) return;
      facts = facts.slice(-kept);
      before = (facts[0] as Recorded).position - 1;
    },
    after: (position) => (position < before ? null : facts.slice(position - before)),
  };
}
