// refusals.ts: refused commands are facts too, in a stream of their own
import type { Recorded } from '../events/fact.ts';
import { streamOf } from '../events/index.ts';
import type { Refusal } from '../machines/refusal.ts';
import type { Engine } from './engine.ts';
import type { Asker } from './turn.ts';

interface Tail {
  revision: number;
  last: Promise<unknown>;
}
const tails = new WeakMap<Engine, Tail>();

export const refusalStream = (engine: Engine): string => streamOf('refusal', engine.id);

/** Where the stream ends, known from the fold. */
export const setRefusalRevision = (engine: Engine, revision: number): void => {
  tails.set(engine, { revision, last: Promise.resolve() });
};

/** The one who asked is answered without waiting for this: a refusal changed nothing. */
export function recordRefusal(engine: Engine, stream: string, command: string, refusal: Refusal, asker: Asker): void {
  const tail = tails.get(engine) ?? { revision: -1, last: Promise.resolve() };
  tails.set(engine, tail);
  tail.last = tail.last.then(() => append(engine, tail, stream, command, refusal, asker)).catch(() => undefined);
}

async function append(engine: Engine, tail: Tail, stream: string, command: string, refusal: Refusal, asker: Asker): Promise<void> {
  if (engine.closed) return;
  const { random, clock } = engine.world;
  const now = clock.now();
  const time = now > engine.lastTime ? now : engine.lastTime + 1n;
  engine.lastTime = time;
  const data = { stream, command, kind: refusal.refused, message: refusal.message };
  const cause = { command, commandId: random.uuid(), ...asker };
  const recorded: Recorded[] = await engine.log.append(refusalStream(engine), tail.revision, [
    { id: random.uuid(), type: 'refusal.recorded', data, time, cause },
  ]);
  tail.revision = recorded[0]!.revision;
  for (const listener of [...engine.listeners]) listener(recorded[0]!, null);
}
