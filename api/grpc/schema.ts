// schema.ts: the services of the KurrentDB protocol, from proto/
import { fileURLToPath } from 'node:url';
import { Metadata, status, type ServiceDefinition } from '@grpc/grpc-js';
import * as loader from '@grpc/proto-loader';

const folder = fileURLToPath(new URL('./proto', import.meta.url));
const files = ['shared.proto', 'features.proto', 'streams.proto', 'persistent.proto'];

/** Read once, when the first server opens. */
let loaded: loader.PackageDefinition | null = null;
const schema = (): loader.PackageDefinition =>
  (loaded ??= loader.loadSync(files, { includeDirs: [folder], longs: String, enums: String, defaults: true, oneofs: true }));

/** `streams.Streams`. */
export const service = (name: string): ServiceDefinition => schema()[`event_store.client.${name}`] as ServiceDefinition;

/** A message as the payload of google.protobuf.Any. */
export function pack(name: string, value: object): { type_url: string; value: Buffer } {
  const type = schema()[`event_store.client.${name}`] as loader.MessageTypeDefinition<object, object>;
  return { type_url: `type.googleapis.com/event_store.client.${name}`, value: type.serialize(value) };
}

/** What a call ends with when it is refused; `exception` is the protocol's own word, which clients make an error of. */
export class Refusal extends Error {
  readonly code: number;
  readonly metadata: Metadata;
  constructor(code: number, sentence: string, details: Readonly<Record<string, string>> = {}) {
    super(sentence);
    this.code = code;
    this.metadata = new Metadata();
    for (const [name, value] of Object.entries(details)) this.metadata.set(name, value);
  }
}

export const invalid = (sentence: string): Refusal => new Refusal(status.INVALID_ARGUMENT, sentence);
export const denied = (sentence: string): Refusal => new Refusal(status.PERMISSION_DENIED, sentence, { exception: 'access-denied' });

/** What is no refusal is a defect of the server. */
export const refusalOf = (error: unknown, report: (sentence: string) => void): Refusal => {
  if (error instanceof Refusal) return error;
  report(`a call of an event client failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return new Refusal(status.INTERNAL, error instanceof Error ? error.message : String(error));
};
