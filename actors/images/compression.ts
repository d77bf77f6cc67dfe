// compression.ts: a tar out of whatever it was compressed with
import { spawn } from 'node:child_process';
import { pipeline, Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { WorldFailure } from '../world.ts';

type Bytes = AsyncIterable<Uint8Array>;

const longestMagic = 6;

async function* through(source: Bytes, transform: Transform): AsyncGenerator<Uint8Array> {
  // Its failure comes out of the transform.
  pipeline(Readable.from(source, { objectMode: false }), transform, () => {});
  yield* transform as AsyncIterable<Uint8Array>;
}

async function* throughProgram(source: Bytes, program: string): AsyncGenerator<Uint8Array> {
  const child = spawn(program, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = Promise.withResolvers<number | null>();
  const complaint: Buffer[] = [];
  let sourceFailure: Error | null = null;
  child.on('error', ended.reject).on('close', ended.resolve);
  ended.promise.catch(() => {});
  child.stderr.on('data', (chunk: Buffer) => complaint.push(chunk));
  pipeline(Readable.from(source, { objectMode: false }), child.stdin, (error) => {
    if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') sourceFailure = error;
  });
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const code = await ended.promise;
    if (sourceFailure !== null) throw sourceFailure;
    if (code !== 0) throw new WorldFailure('invalid', Buffer.concat(complaint).toString().trim() || `${program} ended with ${code}`);
  } finally {
    child.kill();
  }
}

const formats: readonly { magic: string; open: (source: Bytes) => Bytes }[] = [
  { magic: '1f8b08', open: (source) => through(source, createGunzip()) },
  { magic: '28b52ffd', open: (source) => through(source, createZstdDecompress()) },
  { magic: '425a68', open: (source) => throughProgram(source, 'bzip2') },
  { magic: 'fd377a585a00', open: (source) => throughProgram(source, 'xz') },
];

/** The first bytes, and all of it again. */
const peek = async (source: Bytes): Promise<{ start: Buffer; all: Bytes }> => {
  const chunks = source[Symbol.asyncIterator]();
  let start: Buffer = Buffer.alloc(0);
  let ended = false;
  while (start.length < longestMagic && !ended) {
    const { value, done } = await chunks.next();
    ended = done === true;
    if (!ended) start = Buffer.concat([start, value]);
  }
  const all = async function* (): AsyncGenerator<Uint8Array> {
    try {
      if (start.length > 0) yield start;
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  };
  return { start, all: all() };
};

const sentences: Readonly<Record<string, string>> = {
  Z_BUF_ERROR: 'unexpected EOF',
  Z_DATA_ERROR: 'gzip: invalid header',
  ENOENT: 'the program that decompresses it is not installed',
};

const explained = (error: unknown): unknown => {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const sentence = sentences[code] ?? (/^(Z|ZSTD)_/.test(code) ? message : null);
  return sentence === null || error instanceof WorldFailure ? error : new WorldFailure('invalid', `cannot decompress the archive: ${sentence}`);
};

/** Plain, gzip, zstd, bzip2 or xz, told apart by the first bytes. */
export async function* decompress(source: Bytes): AsyncGenerator<Uint8Array> {
  const { start, all } = await peek(source);
  const format = formats.find(({ magic }) => start.toString('hex').startsWith(magic));
  try {
    yield* format === undefined ? all : format.open(all);
  } catch (error) {
    throw explained(error);
  }
}
