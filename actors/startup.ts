// startup.ts: the daemon's own life: its start step by step, and its end, each told to its stream in the log
import { createActor } from 'xstate';
import type { DaemonFact } from '../events/daemon.ts';
import type { Fact, Moved, Proposed, Recorded } from '../events/fact.ts';
import { streamOf } from '../events/index.ts';
import { absent, Unavailable, type Log } from '../events/log.ts';
import { rfc3339 } from '../events/time.ts';
import { chart, type DaemonState } from '../machines/daemon/chart.ts';
import { decide, type DaemonCommand, type Found } from '../machines/daemon/decide.ts';
import { daemonStatus } from '../machines/daemon/status.ts';
import type { StepName } from '../machines/daemon/step.ts';
import { isRefusal } from '../machines/refusal.ts';
import type { Engine } from './engine.ts';
import type { Journal } from './journal.ts';
import { apply } from './roster.ts';
import type { Clock, Random } from './world.ts';

export type Note = Extract<DaemonCommand, { name: 'note' }>['fact'];

export interface Life {
  /** Does the work of a step and notes how long it took; a failure of it is the end of the start. */
  step<T>(name: StepName, work: () => T | Promise<T>, found?: (result: T) => Found): Promise<T>;
  /** From here on facts are durable: what happened before is appended now, with the time at which it happened. */
  open(log: Log, id: string): Promise<void>;
  /** From here on facts are applied to the engine too, and told to its listeners. */
  join(engine: Engine): void;
  note(fact: Note): Promise<void>;
  shutDown(signal: string): Promise<void>;
  finishShutdown(tookMs: number): Promise<void>;
  /** `starting: containerd`, `ready`, ... */
  status(): string;
}

interface Pending {
  readonly fact: DaemonFact;
  readonly time: bigint;
  readonly command: string;
}

const since = (clock: Clock, from: bigint) => Number((clock.now() - from) / 1000n) / 1000;

export interface Birth {
  readonly pid: number;
  readonly version: string;
  readonly roots: string[];
  /** Milliseconds since the process began. */
  readonly ageMs: number;
}

export function beginLife(birth: Birth, { clock, random }: { clock: Clock; random: Random }, journal: Journal): Life {
  let actor = createActor(chart).start();
  const held: Pending[] = [];
  let log: Log | null = null;
  let engine: Engine | null = null;
  let stream = '';
  let revision = absent;
  let last: Promise<void> = Promise.resolve();
  const correlationId = random.uuid();
  const born = clock.now() - BigInt(Math.round(birth.ageMs * 1e6));

  const move = ({ fact, time }: { fact: Fact; time: bigint }) => {
    const event = { ...fact, at: rfc3339(time) } as Moved<DaemonFact>;
    if (!actor.getSnapshot().can(event)) throw new Error(`the daemon in state ${actor.getSnapshot().value} has no edge for ${fact.type}`);
    actor.send(event);
  };

  /** Later than all that the log has, as every turn's time is. */
  const now = (): bigint => {
    const time = clock.now();
    if (!engine) return time;
    engine.lastTime = time > engine.lastTime ? time : engine.lastTime + 1n;
    return engine.lastTime;
  };

  const proposed = ({ fact, time, command }: Pending): Proposed => ({
    ...fact, id: random.uuid(), time, cause: { command, commandId: random.uuid(), correlationId, causation: null, caller: { transport: 'internal', pid: birth.pid } },
  });

  const publish = (facts: readonly Recorded[]) => {
    revision = facts.at(-1)?.revision ?? revision;
    for (const fact of facts) {
      if (!engine) continue;
      apply(engine.roster, fact);
      for (const listener of [...engine.listeners]) listener(fact, null);
    }
  };

  /** A full disk must not keep the daemon from running or ending: then its own life goes unrecorded. */
  const append = async (facts: readonly Pending[]): Promise<void> => {
    if (!log || facts.length === 0) return;
    try {
      publish(await log.append(stream, revision, facts.map(proposed)));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      journal.warning('the daemon could not record its own state', { error: error.message });
    }
  };

  const give = (command: DaemonCommand, time = now()): Promise<void> => {
    const { value, context } = actor.getSnapshot();
    const decision = decide({ state: value as DaemonState, context }, command);
    if (isRefusal(decision)) throw new Error(decision.message);
    const facts = decision.map((fact) => ({ fact, time, command: command.name }));
    facts.forEach(move);
    if (!log) {
      held.push(...facts);
      return Promise.resolve();
    }
    last = last.then(() => append(facts));
    return last;
  };

  void give({ name: 'start', pid: birth.pid, version: birth.version, roots: birth.roots }, born);

  return {
    step: async (name, work, found = () => ({})) => {
      const from = name === 'options' || name === 'ready' ? born : clock.now();
      try {
        const result = await work();
        const tookMs = since(clock, from);
        await give({ name: 'finishStep', step: name, tookMs, found: found(result) });
        journal.debug(`start-up: ${name}`, { tookMs });
        return result;
      } catch (error) {
        await give({ name: 'failStep', message: error instanceof Error ? error.message : String(error) });
        throw error;
      }
    },
    open: async (opened, id) => {
      stream = streamOf('daemon', id);
      actor = createActor(chart).start();
      for await (const batch of opened.read({ stream })) {
        // Of earlier runs it is no more than counted: what does not fit the chart any more is passed over, as xstate does.
        for (const fact of batch) actor.send({ type: fact.type, data: fact.data, at: rfc3339(fact.time) } as Moved<DaemonFact>);
        revision = batch.at(-1)?.revision ?? revision;
      }
      held.forEach(move);
      log = opened;
      await append(held.splice(0));
    },
    join: (given) => {
      engine = given;
    },
    note: (fact) => give({ name: 'note', fact }),
    shutDown: (signal) => give({ name: 'shutDown', signal }),
    finishShutdown: (tookMs) => give({ name: 'finishShutdown', tookMs }),
    status: () => daemonStatus(actor.getSnapshot().value, actor.getSnapshot().context),
  };
}
