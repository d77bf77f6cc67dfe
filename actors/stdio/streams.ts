// streams.ts: one container's standard streams in the keeper: FIFOs on one side; log, attached clients and readers on the other
import type { Socket } from 'node:net';
import { type Attachment, attachment } from './attachment.ts';
import { type FifoReader, readFifo } from './fifo-reader.ts';
import { framed, type StreamSettings, type Wants } from './frames.ts';
import { type Line, type LineCutter, lineCutter, type Source } from './line-cutter.ts';
import { openSink, type Sink } from './sink.ts';
import { type StdinPipe, stdinPipe } from './stdin-pipe.ts';
import { type Watcher, watcher } from './watcher.ts';

export interface Streams {
  /** A run begins, or goes on under a daemon that does not know that it does. */
  open(settings: StreamSettings): Promise<void>;
  /** The run is known to have ended: resolves when all that it wrote was handed on. */
  drain(): Promise<void>;
  attach(socket: Socket, wants: Wants): (chunk: Buffer) => void;
  watch(socket: Socket): void;
  inputEnded(): boolean;
  closeInput(): void;
  /** Takes what is there now and lets go of everything; the pipes keep what comes later. */
  release(): Promise<void>;
  /** The same for good: who still listens is told that nothing more comes. */
  forget(): Promise<void>;
  /** Neither a run nor a client: nothing would be lost by forgetting this. */
  idle(): boolean;
}

export interface StreamsEvents {
  inputEnded(): void;
  runEnded(): void;
}

interface Run {
  readonly settings: StreamSettings;
  readonly sink: Sink;
  readonly cutters: Record<Source, LineCutter>;
  readonly stdin: StdinPipe | null;
  readonly readers: Map<Source, FifoReader>;
  readonly over: Promise<void>;
  readonly finished: () => void;
}

/** How a client that attached before the run waits for it. */
interface Client {
  readonly attached: Attachment;
  readonly early: Buffer[];
  inputEnd: boolean;
}

export function containerStreams(events: StreamsEvents): Streams {
  const clients = new Set<Client>();
  const watchers = new Set<Watcher>();
  let run: Run | null = null;
  let opening: Promise<void> = Promise.resolve();
  let closing: Promise<unknown> = Promise.resolve();

  const balance = (): void => {
    if (!run) return;
    const wait = run.sink.congested() || [...clients].some(({ attached }) => attached.congested());
    for (const reader of run.readers.values()) wait ? reader.pause() : reader.resume();
  };

  const take = (of: Run, source: Source, chunk: Buffer): void => {
    of.cutters[source].cut(chunk);
    of.sink.flush();
    for (const each of watchers) each.grew();
    const listening = [...clients].filter(({ attached }) => attached.wants[source]);
    if (listening.length > 0) {
      const bytes = of.settings.tty ? Buffer.from(chunk) : framed(source, chunk);
      for (const { attached } of listening) attached.send(bytes);
    }
    if (listening.length > 0 || of.sink.congested()) balance();
  };

  const connect = (of: Run): void => {
    const before = [...of.readers.values()];
    for (const source of ['stdout', 'stderr'] as const) {
      const path = of.settings[source];
      if (!path) continue;
      const reader = readFifo(path, (chunk) => take(of, source, chunk), () => {
        if (of.readers.get(source) !== reader) return;
        of.readers.delete(source);
        if (of.readers.size === 0) finish(of);
      });
      of.readers.set(source, reader);
    }
    // Only now: a pipe keeps its bytes as long as anybody has it open.
    for (const reader of before) {
      reader.settle();
      reader.close();
    }
  };

  const flushLog = (of: Run): void => {
    of.cutters.stdout.finish();
    of.cutters.stderr.finish();
    of.sink.flush();
    for (const each of watchers) each.grew();
  };

  /** Resolves when all clients have what was for them. */
  const tellEnd = async (): Promise<void> => {
    for (const each of watchers) each.ended();
    watchers.clear();
    const ended = [...clients].map(({ attached }) => attached.end());
    clients.clear();
    await Promise.all(ended);
  };

  const finish = (of: Run): void => {
    if (run !== of) return;
    run = null;
    for (const reader of of.readers.values()) reader.close();
    flushLog(of);
    of.stdin?.close();
    const told = tellEnd();
    events.runEnded();
    closing = Promise.all([of.sink.close(), told]).finally(of.finished);
  };

  const input = (client: Client, bytes: Buffer): void => {
    if (!client.attached.wants.stdin) return;
    if (!run) {
      client.early.push(bytes);
      client.attached.pauseInput();
    } else if (run.stdin && !run.stdin.write(bytes)) client.attached.pauseInput();
  };

  const inputEnd = (client: Client): void => {
    client.inputEnd = true;
    if (!run?.stdin || !client.attached.wants.stdin) return;
    if (run.settings.stdinOnce && !run.settings.tty) run.stdin.end();
    // moby: daemon/stream/attach.go closes the client's output when its input ended and the container's goes on.
    else void client.attached.end();
  };

  const begin = (client: Client): void => {
    const early = client.early.splice(0);
    for (const bytes of early) input(client, bytes);
    client.attached.resumeInput();
    if (client.inputEnd) inputEnd(client);
  };

  const newRun = async (settings: StreamSettings): Promise<Run> => {
    const { promise: over, resolve: finished } = Promise.withResolvers<void>();
    const sink = await openSink(settings.log, balance);
    const resume = (): void => {
      for (const { attached } of clients) attached.resumeInput();
    };
    const give = (line: Line): void => sink.take(line);
    return {
      settings,
      sink,
      cutters: { stdout: lineCutter('stdout', give), stderr: lineCutter('stderr', give) },
      stdin: settings.stdin ? stdinPipe(settings.stdin, resume, events.inputEnded) : null,
      readers: new Map(),
      over,
      finished,
    };
  };

  const open = async (settings: StreamSettings): Promise<void> => {
    await closing;
    if (run) return connect(run);
    run = await newRun(settings);
    connect(run);
    for (const client of clients) begin(client);
  };

  const release = async (): Promise<void> => {
    const of = run;
    run = null;
    if (!of) return;
    for (const reader of of.readers.values()) reader.settle();
    for (const reader of of.readers.values()) reader.close();
    flushLog(of);
    of.stdin?.close();
    await of.sink.close();
    of.finished();
  };

  return {
    open(settings) {
      const opened = opening.then(() => open(settings));
      opening = opened.catch(() => undefined);
      return opened;
    },
    async drain() {
      const of = run;
      if (!of) return void (await closing);
      const settled = [...of.readers.values()].map((reader) => reader.settle());
      if (settled.every(Boolean)) finish(of);
      await of.over;
    },
    attach(socket, wants) {
      const { attached, receive } = attachment(socket, wants, {
        input: (bytes) => input(client, bytes),
        inputEnd: () => inputEnd(client),
        relief: balance,
        gone: () => void (clients.delete(client) && balance()),
      });
      const client: Client = { attached, early: [], inputEnd: false };
      clients.add(client);
      return receive;
    },
    watch(socket) {
      const each: Watcher = watcher(socket, () => watchers.delete(each));
      if (!run) return each.ended();
      watchers.add(each);
    },
    inputEnded: () => run?.stdin?.state() === 'ending',
    closeInput: () => run?.stdin?.close(),
    release,
    async forget() {
      await release();
      // Nobody waits for a client that does not read.
      void tellEnd();
    },
    idle: () => !run && clients.size === 0 && watchers.size === 0,
  };
}
