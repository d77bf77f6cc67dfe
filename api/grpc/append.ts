// append.ts: Streams.Append and BatchAppend: into the scratch area, when a flag opened one; nowhere else
import { status } from '@grpc/grpc-js';
import type { Proposed, Recorded } from '../../events/fact.ts';
import { absent, Conflict, Unavailable } from '../../events/log.ts';
import { isPlain } from '../../events/checksum.ts';
import type { AppendAsk, BatchAsk, BatchOptions, Expected, ProposedMessage, Uuid } from './messages.ts';
import { nameOf, named, place, scratched, uuidText } from './record.ts';
import { denied, invalid, pack, Refusal } from './schema.ts';
import type { Areas } from './source.ts';

type Expecting = 'any' | 'exists' | number;

export const expecting = (expected: Expected, revision: string | undefined): Expecting =>
  revision !== undefined ? Number(revision) : expected.noStream ? absent : expected.streamExists ? 'exists' : 'any';

/** How often an append that expects no revision tries again when others are faster. */
const tries = 100;

export interface Wanted {
  readonly stream: string;
  readonly expected: Expecting;
  readonly events: readonly ProposedMessage[];
}
export interface Appended {
  readonly revision: number;
  /** Null: nothing was to be appended. */
  readonly position: number | null;
}

/** The client's clock is not asked: an event has the time at which it came. */
function proposed({ id, ...message }: ProposedMessage, now: bigint): Proposed {
  const uuid = uuidText(id);
  const type = message.metadata['type'] ?? '';
  if (uuid === null) throw invalid('the id of an event must be a UUID');
  if (type === '' || !isPlain(type)) throw invalid(`no event can have the type ${JSON.stringify(type)}`);
  const cause = { command: 'append', commandId: uuid, correlationId: uuid, causation: null, caller: { transport: 'tcp' as const } };
  return { id: uuid, type, data: scratched({ id, ...message }), time: now, cause };
}

export async function append(areas: Areas, now: () => bigint, { stream, expected, events }: Wanted): Promise<Appended> {
  const { scratch } = areas;
  if (stream === '' || !isPlain(stream)) throw invalid(`no stream can be named ${JSON.stringify(stream)}`);
  if (scratch === null || !stream.startsWith(scratch.prefix)) throw denied(`clients cannot append to ${stream}: the engine alone writes its history`);
  const facts = events.map((event) => proposed(event, now()));
  for (let left = tries; ; left -= 1) {
    const revision = typeof expected === 'number' ? expected : await lastRevision(scratch.log.read({ stream, backwards: true, limit: 1 }));
    if (expected === 'exists' && revision === absent) throw new Conflict(stream, absent, absent);
    try {
      const recorded = await scratch.log.append(stream, revision, facts);
      const last = recorded.at(-1);
      return last ? { revision: last.revision, position: last.position } : { revision, position: null };
    } catch (error) {
      if (error instanceof Unavailable) throw new Refusal(status.UNAVAILABLE, error.message);
      if (typeof expected === 'number' || !(error instanceof Conflict) || left === 0) throw error;
    }
  }
}

async function lastRevision(batches: AsyncIterable<Recorded[]>): Promise<number> {
  for await (const [fact] of batches) if (fact) return fact.revision;
  return absent;
}

const success = ({ revision, position }: Appended) => ({
  ...(revision === absent ? { noStream: {} } : { currentRevision: revision }),
  ...(position === null ? { noPosition: {} } : { position: place(position) }),
});

/** Append: all events of one call, and one answer. */
export async function appendOnce(areas: Areas, now: () => bigint, asks: AsyncIterable<AppendAsk>): Promise<object> {
  let stream = '';
  let expected: Expecting = 'any';
  const events: ProposedMessage[] = [];
  for await (const { options, proposedMessage } of asks) {
    if (options) {
      stream = nameOf(options.streamIdentifier);
      expected = expecting(options, options.revision);
    }
    if (proposedMessage) events.push(proposedMessage);
  }
  try {
    return { success: success(await append(areas, now, { stream, expected, events })) };
  } catch (error) {
    if (error instanceof Conflict) return { wrongExpectedVersion: { ...currently(error, ['currentRevision', 'currentNoStream']), ...expectedIn(expected, 'expectedRevision') } };
    throw error;
  }
}

const currently = ({ actual }: Conflict, [known, none]: [string, string]) => (actual === absent ? { [none]: {} } : { [known]: actual });
const expectedIn = (expected: Expecting, number: string) =>
  expected === 'any' ? { expectedAny: {} } : expected === 'exists' ? { expectedStreamExists: {} } : expected === absent ? { expectedNoStream: {} } : { [number]: expected };

interface Batch {
  readonly correlationId: Uuid | null;
  readonly options: BatchOptions;
  readonly events: ProposedMessage[];
}

/** BatchAppend: many appends on one call, each answered when it is durable, by its correlation id. */
export function batches(areas: Areas, now: () => bigint, report: (sentence: string) => void) {
  const open = new Map<string, Batch>();

  function gathered(ask: BatchAsk): Batch | null {
    const key = uuidText(ask.correlationId) ?? '';
    const batch = open.get(key) ?? { correlationId: ask.correlationId, options: ask.options ?? { streamIdentifier: null }, events: [] };
    batch.events.push(...ask.proposedMessages);
    if (ask.isFinal) open.delete(key);
    else open.set(key, batch);
    return ask.isFinal ? batch : null;
  }

  async function outcome({ options, events }: Batch, stream: string): Promise<object> {
    const expected = expecting(options, options.streamPosition);
    try {
      return { success: success(await append(areas, now, { stream, expected, events })) };
    } catch (error) {
      if (error instanceof Conflict) {
        const details = { ...currently(error, ['currentStreamRevision', 'currentNoStream']), ...expectedIn(expected, 'expectedStreamPosition') };
        return { error: { code: status.FAILED_PRECONDITION, message: error.message, details: pack('WrongExpectedVersion', details) } };
      }
      const code = error instanceof Refusal ? error.code : status.INTERNAL;
      if (!(error instanceof Refusal)) report(`an append of an event client failed: ${String(error)}`);
      return { error: { code, message: (error as Error).message, details: pack(code === status.PERMISSION_DENIED ? 'AccessDenied' : 'Unknown', {}) } };
    }
  }

  /** Null: more of the batch is to come. */
  return (ask: BatchAsk): Promise<object> | null => {
    const batch = gathered(ask);
    if (batch === null) return null;
    const stream = nameOf(batch.options.streamIdentifier);
    return outcome(batch, stream).then((result) => ({ correlationId: batch.correlationId, ...result, streamIdentifier: named(stream) }));
  };
}
