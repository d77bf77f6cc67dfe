// messages.ts: the messages of the KurrentDB protocol as TypeScript sees them; the wire is in proto/
// Numbers of 64 bits come as decimal text; of alternatives all but one are absent.

type Empty = object;

export type Uuid = { readonly string: string } | { readonly structured: { readonly mostSignificantBits: string; readonly leastSignificantBits: string } };
export interface StreamIdentifier { readonly streamName: Buffer }
export interface Place { readonly commitPosition: string | number; readonly preparePosition: string | number }
export interface Timestamp { readonly seconds: string | number; readonly nanos: number }
export interface UuidOption { readonly content?: 'structured' | 'string' }

export interface Expression { readonly regex: string; readonly prefix: readonly string[] }
export interface FilterOptions {
  readonly streamIdentifier?: Expression;
  readonly eventType?: Expression;
  readonly max?: number;
  readonly checkpointIntervalMultiplier: number;
}

export interface FromRevision { readonly streamIdentifier: StreamIdentifier | null; readonly revision?: string; readonly start?: Empty; readonly end?: Empty }
export interface FromPosition { readonly position?: Place; readonly start?: Empty; readonly end?: Empty }

export interface ReadAsk {
  readonly options: {
    readonly stream?: FromRevision;
    readonly all?: FromPosition;
    readonly readDirection: 'FORWARDS' | 'BACKWARDS';
    readonly resolveLinks: boolean;
    readonly count?: string;
    readonly subscription?: Empty;
    readonly filter?: FilterOptions;
    readonly uuidOption: UuidOption | null;
  } | null;
}

export interface RecordedEvent {
  readonly id: Uuid;
  readonly streamIdentifier: StreamIdentifier;
  readonly streamRevision: number;
  readonly preparePosition: number;
  readonly commitPosition: number;
  /** `type`, `content-type`, and `created` in units of 100 nanoseconds. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly customMetadata: Buffer;
  readonly data: Buffer;
}
export interface ReadEvent { readonly event: RecordedEvent; readonly link?: RecordedEvent; readonly commitPosition: number }
export type ReadAnswer =
  | { readonly event: ReadEvent }
  | { readonly confirmation: { readonly subscriptionId: string } }
  | { readonly checkpoint: Place & { readonly timestamp: Timestamp } }
  | { readonly streamNotFound: { readonly streamIdentifier: StreamIdentifier } }
  | { readonly caughtUp: { readonly timestamp: Timestamp; readonly streamRevision?: number; readonly position?: Place } };

export interface ProposedMessage {
  readonly id: Uuid | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly customMetadata: Buffer;
  readonly data: Buffer;
}
export interface Expected { readonly noStream?: Empty; readonly any?: Empty; readonly streamExists?: Empty }
export interface AppendAsk {
  readonly options?: Expected & { readonly streamIdentifier: StreamIdentifier | null; readonly revision?: string };
  readonly proposedMessage?: ProposedMessage;
}
export interface BatchOptions extends Expected { readonly streamIdentifier: StreamIdentifier | null; readonly streamPosition?: string }
export interface BatchAsk {
  readonly correlationId: Uuid | null;
  readonly options: BatchOptions | null;
  readonly proposedMessages: readonly ProposedMessage[];
  readonly isFinal: boolean;
}

export interface GroupName { readonly streamIdentifier?: StreamIdentifier | null; readonly all?: Empty; readonly groupName: string }
export interface Settings {
  readonly resolveLinks: boolean;
  readonly revision: string;
  readonly extraStatistics: boolean;
  readonly messageTimeoutMs?: number;
  readonly messageTimeoutTicks?: string;
  readonly maxRetryCount: number;
  readonly checkpointAfterMs?: number;
  readonly checkpointAfterTicks?: string;
  readonly minCheckpointCount: number;
  readonly maxCheckpointCount: number;
  readonly maxSubscriberCount: number;
  readonly liveBufferSize: number;
  readonly readBatchSize: number;
  readonly historyBufferSize: number;
  readonly namedConsumerStrategy: string;
  readonly consumerStrategy: string;
}
export interface SettingAsk {
  readonly options: {
    readonly streamIdentifier: StreamIdentifier | null;
    readonly groupName: string;
    readonly settings: Settings | null;
    readonly stream?: FromRevision;
    readonly all?: FromPosition & { readonly filter?: FilterOptions };
  } | null;
}
export interface GroupAsk { readonly options: (GroupName & { readonly stopAt?: string }) | null }
export interface ListAsk { readonly options: { readonly listForStream?: { readonly stream?: StreamIdentifier; readonly all?: Empty } } | null }
export interface ConsumeAsk {
  readonly options?: GroupName & { readonly bufferSize: number; readonly uuidOption: UuidOption | null };
  readonly ack?: { readonly ids: readonly Uuid[] };
  readonly nack?: { readonly ids: readonly Uuid[]; readonly action: 'UNKNOWN' | 'PARK' | 'RETRY' | 'SKIP' | 'STOP'; readonly reason: string };
}
