// pump.ts: bytes into a stream of tar-stream's, no faster than it takes them

interface Sink {
  write(chunk: Uint8Array): boolean;
  end(): void;
  destroy(error?: Error): void;
  readonly destroyed: boolean;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

const ready = (sink: Sink): Promise<void> =>
  new Promise((resolve) => {
    const go = (): void => {
      sink.off('drain', go);
      sink.off('close', go);
      resolve();
    };
    sink.once('drain', go);
    sink.once('close', go);
  });

/** A failure of the source is the sink's failure too; a sink that is destroyed ends the source. */
export const pump = async (source: AsyncIterable<Uint8Array>, sink: unknown): Promise<void> => {
  const target = sink as Sink;
  try {
    for await (const chunk of source) {
      if (target.destroyed) return;
      if (!target.write(chunk) && !target.destroyed) await ready(target);
    }
    target.end();
  } catch (error) {
    target.destroy(error as Error);
  }
};
