// group.ts: a persistent subscription: hands each fact to one of its consumers until one of them has handled it
import { createHash } from 'node:crypto';
import type { Recorded } from '../../events/fact.ts';
import type { Clock } from '../../actors/world.ts';
import type { GroupFiles, GroupSettings, GroupState, Parked } from './group-file.ts';
import type { Source } from './source.ts';
import { onwards } from './walk.ts';

export type Answer = 'ack' | 'park' | 'retry' | 'skip';

interface Message {
  readonly fact: Recorded;
  readonly id: string;
  retries: number;
  /** It was parked before, and is tried again. */
  readonly replayed: boolean;
}

export interface Consumer {
  /** The most messages that it holds at a time. */
  readonly slots: number;
  readonly from: string;
  readonly name: string;
  give(fact: Recorded, retries: number): void;
  /** The subscription is gone. */
  drop(): void;
}

interface Seat {
  readonly consumer: Consumer;
  readonly held: Map<string, Message>;
  total: number;
}

interface Delivery {
  readonly seat: Seat;
  readonly message: Message;
  readonly due: bigint;
}

export interface GroupInfo {
  readonly state: GroupState;
  readonly total: number;
  readonly buffered: number;
  readonly retrying: number;
  readonly lastKnown: number | null;
  readonly seats: readonly { readonly from: string; readonly name: string; readonly total: number; readonly free: number; readonly held: number }[];
}

export interface Group {
  readonly source: Source;
  /** False when no more consumers are let in. */
  join(consumer: Consumer): { answer(ids: readonly string[], answer: Answer, reason: string): void; leave(): void } | null;
  settings(): GroupSettings;
  change(settings: GroupSettings): Promise<void>;
  /** Parked messages are handed out again, up to so many. */
  replay(count: number): Promise<void>;
  info(): GroupInfo;
  /** Writes where it is; consumers are dropped. */
  close(): Promise<void>;
}

export interface GroupWorld {
  readonly clock: Clock;
  readonly files: GroupFiles;
  readonly report: (sentence: string) => void;
}

/** Which consumer of those with a free slot. KurrentDB: PinnedByCorrelation; pins by stream, as Pinned does. */
const strategies: Readonly<Record<string, (seats: readonly Seat[], message: Message, turn: number) => Seat | undefined>> = {
  DispatchToSingle: (seats) => seats.find(isFree),
  RoundRobin: (seats, _, turn) => seats.map((_each, index) => seats[(turn + index) % seats.length]!).find(isFree),
  Pinned: (seats, { fact }) => [seats[createHash('sha256').update(fact.stream).digest().readUInt32BE() % seats.length]!].find(isFree),
};
const isFree = ({ held, consumer }: Seat): boolean => held.size < consumer.slots;

export function openGroup(world: GroupWorld, source: Source, initial: GroupState): Group {
  const { clock, files, report } = world;
  let { settings, checkpoint } = initial;
  const handled = new Set(initial.handled);
  const parked = new Map<number, Parked>(initial.parked.map((each) => [each.position, each]));
  /** Read and not handled, in the order of the log. */
  const pending = new Map<number, Message>();
  let buffer: Message[] = [];
  let retries: Message[] = [];
  /** Parked, and to be tried again as soon as somebody consumes. */
  const replaying = new Set<number>();
  const seats: Seat[] = [];
  const deliveries = new Set<Delivery>();
  let feeding: AbortController | null = null;
  let roomMade: (() => void) | null = null;
  let turn = 0;
  let total = 0;
  let lastKnown: number | null = null;
  let closed = false;

  const state = (): GroupState => ({ ...initial, settings, checkpoint, handled: [...handled], parked: [...parked.values()] });
  const keeper = keep(world, () => files.save(state()), () => settings);

  /** From the checkpoint on, as long as somebody consumes. */
  async function feed(signal: AbortSignal): Promise<void> {
    for await (const step of onwards(source, checkpoint, signal)) {
      for (const fact of step.facts) if (isNew(fact)) enter(fact);
      advance(step.position);
      dispatch();
      while (buffer.length >= Math.max(1, settings.historyBufferSize) && !signal.aborted) await new Promise<void>((resolve) => (roomMade = resolve));
      if (signal.aborted) return;
    }
  }
  const isNew = ({ position, revision }: Recorded): boolean => revision >= initial.floor && !handled.has(position) && !parked.has(position);

  function enter(fact: Recorded): void {
    const message: Message = { fact, id: source.idOf(fact), retries: 0, replayed: false };
    pending.set(fact.position, message);
    buffer.push(message);
    lastKnown = source.number(fact);
  }

  let read = checkpoint;
  function advance(looked: number): void {
    read = Math.max(read, looked);
    const [first] = pending.keys();
    checkpoint = first === undefined ? read : Math.max(checkpoint, first - 1);
    for (const position of handled) if (position <= checkpoint) handled.delete(position);
  }

  function dispatch(): void {
    while (seats.length > 0) {
      const message = retries[0] ?? buffer[0];
      if (!message) break;
      const seat = (strategies[settings.strategy] ?? strategies['Pinned']!)(seats, message, turn);
      if (!seat) break;
      turn = (seats.indexOf(seat) + 1) % seats.length;
      if (retries[0] === message) retries.shift();
      else buffer.shift();
      deliver(seat, message);
    }
    if (buffer.length < settings.historyBufferSize) makeRoom();
  }
  function makeRoom(): void {
    roomMade?.();
    roomMade = null;
  }

  function deliver(seat: Seat, message: Message): void {
    seat.held.set(message.id, message);
    seat.total += 1;
    total += 1;
    if (settings.messageTimeoutMs > 0) {
      deliveries.add({ seat, message, due: clock.now() + BigInt(settings.messageTimeoutMs) * 1_000_000n });
      void watch();
    }
    seat.consumer.give(message.fact, message.retries);
  }

  let watching = false;
  /** What was not answered in time goes to somebody else. The oldest delivery is the first that is due. */
  async function watch(): Promise<void> {
    if (watching) return;
    watching = true;
    for (let [first] = deliveries; first && feeding && !closed; [first] = deliveries) {
      try {
        await clock.until(first.due, feeding.signal);
      } catch {
        break;
      }
      for (const delivery of deliveries) {
        if (delivery.due > clock.now()) break;
        deliveries.delete(delivery);
        if (take(delivery.seat, delivery.message.id) === delivery.message) again(delivery.message, 'it was not acknowledged in time');
      }
      dispatch();
    }
    watching = false;
  }

  function take({ held }: Seat, id: string): Message | null {
    const message = held.get(id) ?? null;
    held.delete(id);
    for (const delivery of deliveries) if (delivery.message === message) deliveries.delete(delivery);
    return message;
  }

  function again(message: Message, reason: string): void {
    message.retries += 1;
    if (message.retries > settings.maxRetryCount) return park(message, `${reason}; it was tried ${message.retries} times`);
    queue(message);
  }
  function queue(message: Message): void {
    retries = [...retries, message].sort((a, b) => a.fact.position - b.fact.position);
  }

  function park(message: Message, reason: string): void {
    replaying.delete(message.fact.position);
    parked.set(message.fact.position, { position: message.fact.position, reason });
    settle(message);
    keeper.now();
  }

  function finish(message: Message): void {
    const { position } = message.fact;
    if (message.replayed) {
      replaying.delete(position);
      parked.delete(position);
    } else if (pending.keys().next().value !== position) handled.add(position);
    settle(message);
    keeper.soon();
  }
  function settle({ fact }: Message): void {
    pending.delete(fact.position);
    advance(read);
  }

  const answers: Readonly<Record<Answer, (message: Message, reason: string) => void>> = { ack: finish, skip: finish, park, retry: again };

  function leave(seat: Seat): void {
    const index = seats.indexOf(seat);
    if (index === -1) return;
    seats.splice(index, 1);
    for (const delivery of deliveries) if (delivery.seat === seat) deliveries.delete(delivery);
    if (seats.length === 0) return rest();
    for (const message of seat.held.values()) queue(message);
    dispatch();
  }

  /** Nobody consumes: what is not handled will be read again. */
  function rest(): void {
    feeding?.abort();
    feeding = null;
    makeRoom();
    pending.clear();
    deliveries.clear();
    buffer = [];
    retries = [];
    read = checkpoint;
    keeper.now();
  }

  function begin(): void {
    const feeder = new AbortController();
    feeding = feeder;
    Promise.all([feed(feeder.signal), handOutAgain([...replaying])]).catch((error: unknown) => {
      if (feeder.signal.aborted) return;
      report(`the persistent subscription ${initial.name} of ${initial.source} failed: ${String(error)}`);
      for (const seat of [...seats]) seat.consumer.drop();
    });
  }

  async function handOutAgain(positions: readonly number[]): Promise<void> {
    for (const position of positions) {
      for await (const facts of source.log.read({ from: position, to: position })) {
        for (const fact of facts) queue({ fact, id: source.idOf(fact), retries: 0, replayed: true });
      }
    }
    dispatch();
  }

  return {
    source,
    settings: () => settings,
    join(consumer) {
      if (closed || (settings.maxSubscriberCount > 0 && seats.length >= settings.maxSubscriberCount)) return null;
      const seat: Seat = { consumer, held: new Map(), total: 0 };
      seats.push(seat);
      if (seats.length === 1) begin();
      else dispatch();
      return {
        answer(ids, answer, reason) {
          for (const id of ids) {
            const message = take(seat, id);
            if (message) answers[answer](message, reason);
          }
          dispatch();
        },
        leave: () => leave(seat),
      };
    },
    async change(changed) {
      settings = changed;
      await files.save(state());
      dispatch();
    },
    async replay(count) {
      const chosen = [...parked.keys()].filter((position) => !replaying.has(position)).slice(0, count);
      for (const position of chosen) replaying.add(position);
      if (seats.length > 0) await handOutAgain(chosen);
    },
    info: () => ({
      state: state(), total, buffered: buffer.length, retrying: retries.length, lastKnown,
      seats: seats.map(({ consumer, held, total: given }) => ({ from: consumer.from, name: consumer.name, total: given, free: consumer.slots - held.size, held: held.size })),
    }),
    async close() {
      closed = true;
      for (const seat of [...seats]) {
        seat.consumer.drop();
        leave(seat);
      }
      await keeper.end();
    },
  };
}

/** Saves after so many answers or so much time, never two at once: a crash hands out again what was answered since. */
function keep({ clock, report }: GroupWorld, save: () => Promise<void>, settings: () => GroupSettings) {
  let answers = 0;
  let saving: Promise<void> | null = null;
  let anew = false;
  let timer: AbortController | null = null;

  function now(): void {
    timer?.abort();
    timer = null;
    answers = 0;
    if (saving) {
      anew = true;
      return;
    }
    saving = save()
      .catch((error: unknown) => report(`a persistent subscription cannot be saved: ${String(error)}`))
      .then(() => {
        saving = null;
        if (!anew) return;
        anew = false;
        now();
      });
  }
  function soon(): void {
    answers += 1;
    const { maxCheckpointCount, checkpointAfterMs } = settings();
    if (answers >= Math.max(1, maxCheckpointCount) || checkpointAfterMs <= 0) return now();
    if (timer) return;
    timer = new AbortController();
    clock.until(clock.now() + BigInt(checkpointAfterMs) * 1_000_000n, timer.signal).then(now, () => undefined);
  }
  async function end(): Promise<void> {
    now();
    while (saving) await saving;
  }
  return { now, soon, end };
}
