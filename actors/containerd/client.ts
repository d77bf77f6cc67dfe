// client.ts: the connection to containerd, and the only file that knows how its calls travel
//
//   const containerd = connect('/run/x/containerd.sock', 'tally');
//   await containerd.call('Snapshots.Prepare', { snapshotter: 'overlayfs', key, parent }, { lease });
//   for await (const part of containerd.stream('Content.Read', { digest })) ... part.data
//   const write = containerd.write({ lease }); write.write({ action: 'WRITE', ref, data }); write.on('data', ...)
//   containerd.pack('containerd.runc.v1.Options', { binaryName: 'runc' }), packJson(url, value), unpack(name, any)
//
// Everything that fails rejects with `ContainerdFailure` (a `WorldFailure`): ask `isNotFound(error)`,
// `isAlreadyExists(error)`. All services share one channel, which connects again by itself.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import * as loader from '@grpc/proto-loader';
import type { Failure } from '../../events/failure.ts';
import { WorldFailure } from '../world.ts';
import type { Any, Calls, Payloads, Streams, Timestamp, WriteAnswer, WriteRequest } from './messages.ts';

const schema = fileURLToPath(new URL('./proto', import.meta.url));

/** Connecting again waits between these; containerd comes back within a second or so. */
const backoffMs = { least: 50, most: 1000 };
const longestMessageBytes = 64 * 1024 * 1024;

export class ContainerdFailure extends WorldFailure {
  /** gRPC's number. */
  readonly code: number;
  constructor(code: number, message: string) {
    super(reasonOf(code, message), code === status.UNAVAILABLE ? `containerd does not answer: ${plainly(message)}` : message);
    this.code = code;
  }
}

/** grpc-js wraps the one thing that tells something: `connect ENOENT /run/x.sock`. */
const plainly = (message: string): string => /Last error: (?:Error: )?(.*?)\.? Resolution note/.exec(message)?.[1] ?? message;

const reasons: Readonly<Record<number, Failure['reason']>> = {
  [status.UNAVAILABLE]: 'runtimeDown',
  [status.DEADLINE_EXCEEDED]: 'runtimeDown',
  [status.INVALID_ARGUMENT]: 'invalid',
  [status.ALREADY_EXISTS]: 'conflict',
  [status.FAILED_PRECONDITION]: 'conflict',
};
const reasonOf = (code: number, message: string): Failure['reason'] =>
  /no space left on device/i.test(message) ? 'diskFull' : (reasons[code] ?? 'other');

export const isNotFound = (error: unknown): boolean => error instanceof ContainerdFailure && error.code === status.NOT_FOUND;
export const isAlreadyExists = (error: unknown): boolean => error instanceof ContainerdFailure && error.code === status.ALREADY_EXISTS;
export const isDown = (error: unknown): boolean => error instanceof WorldFailure && error.failure.reason === 'runtimeDown';
const isCancelled = (error: ServiceError): boolean => error.code === status.CANCELLED;

export interface How {
  /** What the call makes is held by this lease. */
  readonly lease?: string;
  readonly signal?: AbortSignal;
}

export interface Containerd {
  readonly address: string;
  readonly namespace: string;
  call<Name extends keyof Calls>(name: Name, request: Calls[Name][0], how?: How): Promise<Calls[Name][1]>;
  stream<Name extends keyof Streams>(name: Name, request: Streams[Name][0], how?: How): AsyncIterableIterator<Streams[Name][1]>;
  /** Content.Write: a blob piece by piece; each request is answered. */
  write(how?: How): ClientDuplexStream<WriteRequest, WriteAnswer>;
  pack<Name extends keyof Payloads>(name: Name, value: Payloads[Name]): Any;
  unpack<Name extends keyof Payloads>(name: Name, any: Any): Payloads[Name];
  close(): void;
}

export const packJson = (url: string, value: unknown): Any => ({ type_url: url, value: Buffer.from(JSON.stringify(value)) });
export const unpackJson = (any: Any): unknown => JSON.parse(any.value.toString('utf8'));
/** Nanoseconds since the epoch. */
export const nanosecondsOf = (time: Timestamp | null): bigint =>
  time ? BigInt(time.seconds) * 1_000_000_000n + BigInt(time.nanos) : 0n;

interface Schema {
  readonly methods: Map<string, loader.MethodDefinition<object, object>>;
  readonly messages: loader.PackageDefinition;
}
let loaded: Schema | null = null;

function readSchema(): Schema {
  if (loaded) return loaded;
  const messages = loader.loadSync(readdirSync(schema), { includeDirs: [schema], longs: Number, enums: String, defaults: true });
  const methods = new Map<string, loader.MethodDefinition<object, object>>();
  for (const [name, definition] of Object.entries(messages)) {
    if ('format' in definition) continue;
    for (const [method, how] of Object.entries(definition)) methods.set(`${name.split('.').at(-1)}.${method}`, how);
  }
  loaded = { methods, messages };
  return loaded;
}

function message(schemaOf: Schema, name: string): loader.MessageTypeDefinition<object, object> {
  const found = schemaOf.messages[name];
  if (!found || !('serialize' in found)) throw new Error(`no message ${name}`);
  return found as loader.MessageTypeDefinition<object, object>;
}

/** `address` is the path of containerd's socket. Connecting happens with the first call. */
export function connect(address: string, namespace: string): Containerd {
  const schemaOf = readSchema();
  const client = new Client(`unix://${address}`, credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': backoffMs.least,
    'grpc.min_reconnect_backoff_ms': backoffMs.least,
    'grpc.max_reconnect_backoff_ms': backoffMs.most,
    'grpc.max_receive_message_length': longestMessageBytes,
    'grpc.enable_http_proxy': 0,
    'grpc.default_authority': 'localhost',
  });
  const plain = new Metadata();
  plain.set('containerd-namespace', namespace);

  const method = (name: string): loader.MethodDefinition<object, object> => {
    const found = schemaOf.methods.get(name);
    if (!found) throw new Error(`containerd has no call ${name}`);
    return found;
  };
  const headers = (how: How): Metadata => {
    if (!how.lease) return plain;
    const leased = plain.clone();
    leased.set('containerd-lease', how.lease);
    return leased;
  };

  function call(name: string, request: object, how: How = {}): Promise<object> {
    const { path, requestSerialize, responseDeserialize } = method(name);
    return new Promise((resolve, reject) => {
      how.signal?.throwIfAborted();
      const sent = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, headers(how), (error, answer) => {
        how.signal?.removeEventListener('abort', cancel);
        if (!error) resolve(answer as object);
        else reject(how.signal?.aborted && isCancelled(error) ? how.signal.reason : new ContainerdFailure(error.code, error.details));
      });
      const cancel = () => sent.cancel();
      how.signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  async function* stream(name: string, request: object, how: How = {}): AsyncGenerator<object> {
    const { path, requestSerialize, responseDeserialize } = method(name);
    how.signal?.throwIfAborted();
    const answers = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, headers(how));
    const cancel = () => answers.cancel();
    how.signal?.addEventListener('abort', cancel, { once: true });
    try {
      yield* answers as AsyncIterable<object>;
    } catch (error) {
      const { code, details } = error as ServiceError;
      if (how.signal?.aborted) throw how.signal.reason;
      throw code === undefined ? error : new ContainerdFailure(code, details);
    } finally {
      how.signal?.removeEventListener('abort', cancel);
      // Cancelling raises an error event on the stream that nobody waits for any more.
      answers.on('error', () => {});
      answers.cancel();
    }
  }

  function write(how: How = {}): ClientDuplexStream<object, object> {
    const { path, requestSerialize, responseDeserialize } = method('Content.Write');
    const pipe = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, headers(how));
    how.signal?.addEventListener('abort', () => pipe.cancel(), { once: true });
    return pipe;
  }

  return {
    address,
    namespace,
    call: call as Containerd['call'],
    stream: stream as Containerd['stream'],
    write: write as Containerd['write'],
    pack: (name, value) => ({ type_url: name, value: message(schemaOf, name).serialize(value) }),
    unpack: ((name: string, any: Any) => message(schemaOf, name).deserialize(any.value)) as Containerd['unpack'],
    close: () => client.close(),
  };
}
