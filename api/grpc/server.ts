// server.ts: the log for clients of KurrentDB, over gRPC
//
//   const service = await openEventService({ listen: { host: '127.0.0.1', port: 2113 }, areas, files, ... });
//   service.port; await service.close();
import { Server, ServerCredentials, status, type sendUnaryData, type ServerDuplexStream, type ServerReadableStream, type ServerUnaryCall, type ServerWritableStream, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { appendOnce, batches } from './append.ts';
import type { GroupWorld } from './group.ts';
import type { AppendAsk, BatchAsk, ConsumeAsk, ReadAnswer, ReadAsk } from './messages.ts';
import { outlet } from './outlet.ts';
import { read } from './read.ts';
import { Refusal, refusalOf, service } from './schema.ts';
import type { Areas } from './source.ts';
import { openSubscriptions, type Subscriptions } from './subscriptions.ts';

export interface EventServiceOptions extends GroupWorld {
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Null: in clear text, which is for loopback only. With `ca`, clients need a certificate that it signed. */
  readonly tls: { readonly certificate: Buffer; readonly key: Buffer; readonly ca: Buffer | null } | null;
  readonly areas: Areas;
  readonly uuid: () => string;
}

export interface EventService {
  readonly port: number;
  /** Cuts all clients, when the positions of their groups are saved. */
  close(): Promise<void>;
}

/** KurrentDB lets a message have 16 MiB; its client batches 3. */
const longestMessageBytes = 17 * 1024 * 1024;
/** Clients ask what this server can do by the version that first could. */
const spokenVersion = '24.10.0';
/** Appends of one call that may be under way. */
const mostAppends = 500;

const features: readonly (readonly [service: string, method: string, features: readonly string[]])[] = [
  ['streams.streams', 'read', ['position', 'events']],
  ['streams.streams', 'append', []],
  ['streams.streams', 'batchappend', ['deadline_duration']],
  ...['create', 'update', 'delete', 'read', 'getinfo', 'replayparked', 'list'].map((method) => ['persistent_subscriptions.persistentsubscriptions', method, ['stream', 'all']] as const),
];
const supported = {
  eventStoreServerVersion: spokenVersion,
  methods: features.map(([name, methodName, list]) => ({ serviceName: `event_store.client.${name}`, methodName, features: list })),
};

type Unary<Ask> = (ask: Ask) => Promise<object>;
const unimplemented = (sentence: string): Unary<unknown> => async () => {
  throw new Refusal(status.UNIMPLEMENTED, sentence);
};

/** How each form of call is answered, and how each fails. */
function calls({ areas, clock, uuid, report }: EventServiceOptions, subscriptions: Subscriptions) {
  const now = () => clock.now();
  const refused = (error: unknown) => refusalOf(error, report);

  const unary = <Ask>(answer: Unary<Ask>) => (call: ServerUnaryCall<Ask, object>, done: sendUnaryData<object>) =>
    void answer(call.request).then((value) => done(null, value), (error: unknown) => done(refused(error)));

  const reading = (call: ServerWritableStream<ReadAsk, ReadAnswer>) => {
    const to = outlet<ReadAnswer>(call);
    read({ areas, now, uuid }, call.request, to).then(() => call.end(), (error: unknown) => to.end(refused(error)));
  };

  const appending = (call: ServerReadableStream<AppendAsk, object>, done: sendUnaryData<object>) =>
    void appendOnce(areas, now, call).then((value) => done(null, value), (error: unknown) => done(refused(error)));

  const batching = (call: ServerDuplexStream<BatchAsk, object>) => {
    const to = outlet<object>(call);
    const take = batches(areas, now, report);
    let open = 0;
    let over = false;
    call.on('data', (ask: BatchAsk) => {
      const answer = take(ask);
      if (!answer) return;
      open += 1;
      if (open >= mostAppends) call.pause();
      void answer.then(async (value) => {
        await to.send(value);
        open -= 1;
        call.resume();
        if (over && open === 0) call.end();
      });
    });
    call.on('end', () => {
      over = true;
      if (open === 0) call.end();
    });
  };

  const consuming = (call: ServerDuplexStream<ConsumeAsk, object>) => {
    const to = outlet<object>(call);
    const consumer = subscriptions.consumer({ from: call.getPeer(), name: String(call.metadata.get('connection-name')[0] ?? '') }, to);
    call.on('data', (ask: ConsumeAsk) => {
      try {
        consumer.take(ask);
      } catch (error) {
        to.end(refused(error));
      }
    });
    call.on('end', () => {
      consumer.leave();
      call.end();
    });
  };
  return { unary, reading, appending, batching, consuming };
}

function implementations(options: EventServiceOptions, subscriptions: Subscriptions): Readonly<Record<string, UntypedServiceImplementation>> {
  const { unary, reading, appending, batching, consuming } = calls(options, subscriptions);
  return {
    'server_features.ServerFeatures': { GetSupportedMethods: unary(async () => supported) },
    'streams.Streams': {
      Read: reading, Append: appending, BatchAppend: batching,
      Delete: unary(unimplemented('streams cannot be deleted by clients: how long history is kept is the daemon\'s own policy')),
      Tombstone: unary(unimplemented('streams cannot be deleted by clients: how long history is kept is the daemon\'s own policy')),
    },
    'persistent_subscriptions.PersistentSubscriptions': {
      Create: unary(subscriptions.create), Update: unary(subscriptions.update), Delete: unary(subscriptions.remove), Read: consuming,
      GetInfo: unary(subscriptions.info), List: unary(subscriptions.list), ReplayParked: unary(subscriptions.replay),
      RestartSubsystem: unary(unimplemented('persistent subscriptions have no subsystem here that could be restarted')),
    },
  };
}

const bound = (server: Server, address: string, credentials: ServerCredentials) =>
  new Promise<number>((resolve, reject) => server.bindAsync(address, credentials, (error, port) => (error ? reject(error) : resolve(port))));

const credentialsOf = ({ tls }: EventServiceOptions): ServerCredentials =>
  tls ? ServerCredentials.createSsl(tls.ca, [{ cert_chain: tls.certificate, private_key: tls.key }], tls.ca !== null) : ServerCredentials.createInsecure();

export async function openEventService(options: EventServiceOptions): Promise<EventService> {
  const { host, port } = options.listen;
  const server = new Server({
    'grpc.max_receive_message_length': longestMessageBytes, 'grpc.max_send_message_length': longestMessageBytes, 'grpc.enable_channelz': 0,
  });
  const subscriptions = await openSubscriptions(options.areas, options, options.uuid);
  for (const [name, handlers] of Object.entries(implementations(options, subscriptions))) server.addService(service(name), handlers);
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  try {
    return {
      port: await bound(server, address, credentialsOf(options)),
      async close() {
        await subscriptions.close();
        server.forceShutdown();
      },
    };
  } catch (error) {
    await subscriptions.close();
    server.forceShutdown();
    throw new Error(`cannot listen for event clients on ${address}: ${(error as Error).message}`, { cause: error });
  }
}
