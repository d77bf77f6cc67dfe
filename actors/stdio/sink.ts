// sink.ts: where lines go: the log drivers as the keeper sees them
import type { FileSettings, LogSettings } from './frames.ts';
import { logFile } from './log-file.ts';
import { clearEncoded, encode, encoded, encodedBytes, hasRoomFor, lineTail } from './json-lines.ts';
import type { Line } from './line-cutter.ts';

export interface Sink {
  /** The line is valid only during the call. */
  take(line: Line): void;
  /** Called after each chunk: what was taken is out of this process, or on its way. */
  flush(): void;
  /** True while the container has to wait, until `onRelief` is called. */
  congested(): boolean;
  close(): Promise<void>;
}

/** Of several sinks: the container waits for the slowest. */
function both(first: Sink, second: Sink): Sink {
  return {
    take: (line) => (first.take(line), second.take(line)),
    flush: () => (first.flush(), second.flush()),
    congested: () => first.congested() || second.congested(),
    close: async () => void (await Promise.all([first.close(), second.close()])),
  };
}

const noSink: Sink = { take: () => undefined, flush: () => undefined, congested: () => false, close: () => Promise.resolve() };

/** Rejects when a remote cannot be reached that is to be reached before the container starts. */
export async function openSink(settings: LogSettings, onRelief: () => void): Promise<Sink> {
  const { remote } = settings;
  // Loaded by whom it concerns: each driver would cost every keeper its memory.
  const far = remote ? await (await import('./drivers/remote.ts')).remoteSink(remote, onRelief) : noSink;
  return settings.file ? both(fileSink(settings.file), far) : far;
}

/** A file of JSON lines: the drivers json-file and local, and the copy that makes the others readable. */
export function fileSink(settings: FileSettings): Sink {
  const file = logFile(settings);
  const tails = { stdout: lineTail('stdout', settings.attributes), stderr: lineTail('stderr', settings.attributes) };
  const flush = (): void => {
    if (encodedBytes() > 0) file.write(encoded());
    clearEncoded();
  };
  const full = (): boolean => settings.maxSize > 0 && file.size() + encodedBytes() >= settings.maxSize;
  return {
    take(line) {
      const tail = tails[line.source];
      if (!hasRoomFor(line, tail)) flush();
      if (full()) {
        flush();
        file.rotate();
      }
      encode(line, tail);
    },
    flush,
    congested: () => false,
    close: () => file.close(),
  };
}
