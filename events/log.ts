// log.ts: the append log, the only source of truth about what happened
import type { Proposed, Recorded } from './fact.ts';

/**
 * The log holds streams of facts in one total order.
 *
 * `append` adds facts to one stream, all or none, and resolves when they are durable; it rejects with
 * `Conflict` when the stream's last revision is not the expected one, with `Unavailable` when the store
 * cannot write now (nothing of the batch is kept then), and never in doubt otherwise: an append that
 * rejected with `Unavailable` may be tried again with the same ids and is recorded once.
 * `read` gives what is recorded at the time of the call, in batches, in order.
 * `follow` gives history after a position and then whatever is appended, with no gap and no duplicate
 * where the two meet. A slow follower holds nobody up: it reads on from the store at its own pace.
 */
export interface Log {
  append(stream: string, expected: number, facts: readonly Proposed[]): Promise<Recorded[]>;
  read(range?: Range): AsyncIterable<Recorded[]>;
  follow(after: number, signal: AbortSignal): AsyncIterable<Recorded[]>;
  /** Position of the last durable fact; -1 for an empty log. */
  head(): number;
  /** What opening the store found wrong and what it did about it; empty when all was sound. */
  readonly findings: readonly Finding[];
  readonly checkpoints: Checkpoints;
  close(): Promise<void>;
}

export interface Range {
  /** First position, inclusive. */
  readonly from?: number;
  /** Last position, inclusive. */
  readonly to?: number;
  readonly stream?: string;
  readonly backwards?: boolean;
  readonly limit?: number;
}

/** A stored fold of the log up to a position: disposable, never truth. */
export interface Checkpoints {
  /** The newest one made by charts of this fingerprint, null when there is none or it is damaged. */
  load(fingerprint: string): Promise<Checkpoint | null>;
  save(fingerprint: string, checkpoint: Checkpoint): Promise<void>;
}
export interface Checkpoint {
  readonly position: number;
  /** JSON text. */
  readonly state: string;
}

/** Damage or a cut tail found on opening. `stream` is null when the place cannot be told apart by stream. */
export interface Finding {
  readonly kind: 'torn-tail' | 'damaged-fact' | 'missing-facts' | 'damaged-mark' | 'damaged-file';
  readonly stream: string | null;
  readonly position: number | null;
  readonly message: string;
}

/** The expected revision of a stream that has no fact yet. */
export const absent = -1;

/** The stream moved on since it was read. */
export class Conflict extends Error {
  readonly stream: string;
  readonly expected: number;
  readonly actual: number;
  constructor(stream: string, expected: number, actual: number) {
    super(`stream ${stream} is at revision ${actual}, not ${expected}`);
    this.name = 'Conflict';
    this.stream = stream;
    this.expected = expected;
    this.actual = actual;
  }
}

/** The store cannot take facts now: a full disk, a lost cluster. */
export class Unavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Unavailable';
  }
}
