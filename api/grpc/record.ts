// record.ts: facts, and what clients appended, as the KurrentDB protocol shows them
import type { Recorded } from '../../events/fact.ts';
import { isUuid, uuidFrom, uuidOf } from '../../events/uuid.ts';
import type { ProposedMessage, RecordedEvent, StreamIdentifier, Timestamp, Uuid } from './messages.ts';

/** How a client wants ids written. */
export type UuidForm = 'string' | 'structured';

export function uuidIn(form: UuidForm, uuid: string): Uuid {
  if (form === 'string') return { string: uuid };
  const hex = uuid.replaceAll('-', '');
  const half = (digits: string) => BigInt.asIntN(64, BigInt(`0x${digits}`)).toString();
  return { structured: { mostSignificantBits: half(hex.slice(0, 16)), leastSignificantBits: half(hex.slice(16)) } };
}

/** Null when it is no UUID. */
export function uuidText(uuid: Uuid | null): string | null {
  if (uuid === null) return null;
  if ('structured' in uuid && uuid.structured) {
    const half = (number: string) => BigInt.asUintN(64, BigInt(number)).toString(16).padStart(16, '0');
    const hex = half(uuid.structured.mostSignificantBits) + half(uuid.structured.leastSignificantBits);
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }
  const text = 'string' in uuid ? uuid.string : '';
  return isUuid(text) ? text.toLowerCase() : null;
}

export const named = (stream: string): StreamIdentifier => ({ streamName: Buffer.from(stream) });
export const nameOf = (stream: StreamIdentifier | null | undefined): string => stream?.streamName.toString('utf8') ?? '';
export const timestamp = (time: bigint): Timestamp => ({ seconds: (time / 1_000_000_000n).toString(), nanos: Number(time % 1_000_000_000n) });
export const place = (position: number) => ({ commitPosition: position, preparePosition: position });

/** Type, content and what is said of it; the rest of a record is the same for all. */
export interface Content {
  readonly type: string;
  readonly json: boolean;
  readonly data: Buffer;
  readonly metadata: Buffer;
}

/** A fact of the engine. `$correlationId` is the name under which KurrentDB's own projection looks for it. */
export const factContent = ({ id, type, position, revision, time, cause, data }: Recorded): Content => ({
  type,
  json: true,
  data: Buffer.from(JSON.stringify(data)),
  metadata: Buffer.from(
    JSON.stringify({ ...(isUuid(id) ? {} : { id }), position, revision, time: time.toString(), cause, $correlationId: cause.correlationId }),
  ),
});

/** What a client appended, as the log of the scratch area holds it: `body` and `about` are base64. */
export interface Scratched {
  readonly json: boolean;
  readonly body: string;
  readonly about: string;
}
export const scratched = ({ metadata, data, customMetadata }: ProposedMessage): Scratched => ({
  json: metadata['content-type'] === 'application/json', body: data.toString('base64'), about: customMetadata.toString('base64'),
});
export const scratchContent = ({ type, data }: Recorded): Content => {
  const { json, body, about } = data as Scratched;
  return { type, json, data: Buffer.from(body, 'base64'), metadata: Buffer.from(about, 'base64') };
};

const created = (time: bigint): string => (time / 100n).toString();

export const recordOf = (fact: Recorded, { type, json, data, metadata }: Content, form: UuidForm): RecordedEvent => ({
  id: uuidIn(form, uuidOf(fact.id)),
  streamIdentifier: named(fact.stream),
  streamRevision: fact.revision,
  ...place(fact.position),
  metadata: { type, 'content-type': json ? 'application/json' : 'application/octet-stream', created: created(fact.time) },
  customMetadata: metadata,
  data,
});

export const linkId = (stream: string, fact: Recorded): string => uuidFrom(`${stream} ${fact.id} ${fact.position}`);

/** The entry of a stream that holds no facts of its own, `$ce-container`: its revision is the fact's position. */
export const linkOf = (stream: string, fact: Recorded, form: UuidForm): RecordedEvent => ({
  id: uuidIn(form, linkId(stream, fact)),
  streamIdentifier: named(stream),
  streamRevision: fact.position,
  ...place(fact.position),
  metadata: { type: '$>', 'content-type': 'application/octet-stream', created: created(fact.time) },
  customMetadata: Buffer.alloc(0),
  data: Buffer.from(`${fact.revision}@${fact.stream}`),
});
