// ask-container.ts: something is asked of a container, and the fact that settles it is awaited
import type { Recorded } from '../../events/fact.ts';
import type { Commands } from '../../machines/index.ts';
import { ask } from '../ask.ts';
import type { Engine, Listener } from '../engine.ts';
import type { Asker } from '../turn.ts';
import { contextOf, stateOf, type Container } from './find-container.ts';

export type Settles = (fact: Recorded, container: Container) => boolean;

/** Each turn's facts are applied before anybody is told of them: the state that `settles` sees is the one after the turn. */
export async function askContainer(engine: Engine, container: Container, command: Commands['container'], asker: Asker, settles: Settles): Promise<Recorded | null> {
  let settle: (fact: Recorded) => void = () => undefined;
  const outcome = new Promise<Recorded>((resolve) => (settle = resolve));
  const settling: Recorded[] = [];
  let from = Number.POSITIVE_INFINITY;
  const listener: Listener = (fact) => {
    if (fact.stream !== container.stream || !settles(fact, container)) return;
    if (fact.revision >= from) settle(fact);
    else settling.push(fact);
  };
  engine.listeners.add(listener);
  try {
    const facts = await ask(engine, 'container', container.id, command, asker);
    if (facts.length === 0) return null;
    from = facts[0]!.revision;
    const early = settling.find((fact) => fact.revision >= from);
    return early ?? (await outcome);
  } finally {
    engine.listeners.delete(listener);
  }
}

/** The run is over and put away, and nothing more will come of it by itself. */
const atRest: ReadonlySet<string> = new Set(['exited', 'restarting', 'removing', 'dead', 'sweeping', 'gone']);
const ends: ReadonlySet<string> = new Set(['container.released', 'container.stopped', 'container.removed', 'container.removeFailed', 'container.swept']);

export const over: Settles = (fact, container) => ends.has(fact.type) && atRest.has(stateOf(container));

export const oneOf = (...types: string[]): Settles => {
  const wanted = new Set(types.map((type) => `container.${type}`));
  return (fact, container) => wanted.has(fact.type) || over(fact, container);
};

/** What a client is told of the last run: its exit, and why there was none. */
export const lastExit = (container: Container): { StatusCode: number; Error?: { Message: string } } => {
  const { exitCode, failure } = contextOf(container).run;
  return { StatusCode: exitCode, ...(failure ? { Error: { Message: failure.message } } : {}) };
};
