// carve.ts: facts found in the bytes of a damaged database, whatever became of the tree they hung in
// The format: https://www.sqlite.org/fileformat2.html
import { lineOf, sumOf } from '../checksum.ts';
import type { Summed } from './sqlite-file.ts';

/** Set when a database is made, so that a damaged header cannot leave it in doubt. */
export const pageBytes = 4096;

/** Every image of every page that is at hand: those in the database and those in its WAL. */
export interface PageImages {
  all(): Iterable<Buffer>;
  /** Any image of this page: a page of overflow is written once and never changed, as no fact ever is. */
  get(number: number): Buffer | null;
}

/** Where an entry of the index by stream says that a fact stood. */
export interface IndexEntry {
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
}

const tableLeaf = 13;
const tableInterior = 5;
const indexLeaf = 10;
const indexInterior = 2;

type Value = string | bigint | null;

/** Whole facts alone: a checksum that fits is the proof that the bytes were a fact. The same one may come more than once. */
export function* carveFacts(images: PageImages): Generator<Summed> {
  for (const page of images.all()) {
    const kind = page[0];
    if (kind === tableInterior || kind === indexLeaf || kind === indexInterior) continue;
    const found = kind === tableLeaf ? cellsOf(page, 8).map((offset) => factAt(images, page, offset)) : [null];
    if (!found.includes(null) && found.length > 0) yield* found as Summed[];
    else yield* anywhere(images, page);
  }
}

/** The page's own list of its cells cannot be relied on: one is tried at every byte. */
function* anywhere(images: PageImages, page: Buffer): Generator<Summed> {
  for (let offset = 8; offset < page.length - 12; offset++) {
    const fact = factAt(images, page, offset);
    if (fact) yield fact;
  }
}

/** What the index by stream knows of facts, found likewise; nothing vouches for it but its shape. */
export function* carveIndex(images: PageImages): Generator<IndexEntry> {
  for (const page of images.all()) {
    const kind = page[0];
    if (kind !== indexLeaf && kind !== indexInterior) continue;
    for (const cell of cellsOf(page, kind === indexLeaf ? 8 : 12)) {
      const entry = entryAt(images, page, kind === indexLeaf ? cell : cell + 4);
      if (entry) yield entry;
    }
  }
}

function cellsOf(page: Buffer, header: number): number[] {
  const count = Math.min(page.readUInt16BE(3), (pageBytes - header) >> 1);
  return Array.from({ length: count }, (_, index) => page.readUInt16BE(header + 2 * index));
}

function factAt(images: PageImages, page: Buffer, offset: number): Summed | null {
  const length = varint(page, offset);
  const position = length && varint(page, length.end);
  if (!length || !position || length.value < 20 || position.value > Number.MAX_SAFE_INTEGER) return null;
  // A record of ten columns: the length of its header, then the position, which is the row's number and stands as null.
  if ((page[position.end] ?? 0) < 11 || (page[position.end] ?? 0) > 60 || page[position.end + 1] !== 0) return null;
  const payload = payloadAt(images, page, position.end, length.value, pageBytes - 35);
  const values = payload && record(payload);
  if (values?.length !== 10) return null;
  const [, stream, revision, id, type, time, cause, data, link, sum] = values;
  if (typeof stream !== 'string' || typeof id !== 'string' || typeof type !== 'string' || typeof cause !== 'string' || typeof data !== 'string') return null;
  if (typeof revision !== 'bigint' || typeof time !== 'bigint' || typeof link !== 'bigint' || typeof sum !== 'bigint') return null;
  const fact = { position: position.value, stream, revision: Number(revision), id, type, time: time.toString(), cause, data, link: Number(link), sum: Number(sum) };
  return link >= 0n && link < 2n ** 32n && sumOf(fact.link, lineOf(fact)) === fact.sum ? fact : null;
}

function entryAt(images: PageImages, page: Buffer, offset: number): IndexEntry | null {
  const length = varint(page, offset);
  const payload = length && payloadAt(images, page, length.end, length.value, (((pageBytes - 12) * 64) / 255 | 0) - 23);
  const values = payload && record(payload);
  if (values?.length !== 3) return null;
  const [stream, revision, position] = values;
  return typeof stream === 'string' && typeof revision === 'bigint' && typeof position === 'bigint' ? { stream, revision: Number(revision), position: Number(position) } : null;
}

/** The largest fact that is looked for: what follows from a flipped length must not eat all memory. */
const payloadLimit = 64 << 20;

/** A cell's content: what of it is on the page, and its chain of overflow pages. */
function payloadAt(images: PageImages, page: Buffer, offset: number, length: number, most: number): Buffer | null {
  if (length > payloadLimit) return null;
  if (length <= most) return offset + length <= page.length ? page.subarray(offset, offset + length) : null;
  const least = ((((pageBytes - 12) * 32) / 255) | 0) - 23;
  const wanted = least + ((length - least) % (pageBytes - 4));
  const local = wanted <= most ? wanted : least;
  if (offset + local + 4 > page.length) return null;
  const parts = [page.subarray(offset, offset + local)];
  let next = page.readUInt32BE(offset + local);
  for (let left = length - local; left > 0; left -= pageBytes - 4) {
    const overflow = images.get(next);
    if (!overflow) return null;
    parts.push(overflow.subarray(4, 4 + Math.min(left, pageBytes - 4)));
    next = overflow.readUInt32BE(0);
  }
  return Buffer.concat(parts);
}

function record(payload: Buffer): Value[] | null {
  const header = varint(payload, 0);
  if (!header || header.value > payload.length) return null;
  const values: Value[] = [];
  let at = header.value;
  for (let next = header.end; next < header.value; ) {
    const type = varint(payload, next);
    if (!type) return null;
    next = type.end;
    const bytes = sizeOf(type.value);
    if (bytes === null || at + bytes > payload.length) return null;
    values.push(valueOf(type.value, payload, at, bytes));
    at += bytes;
  }
  return values;
}

const integerBytes = [0, 1, 2, 3, 4, 6, 8];

/** Bytes of a value by its serial type; null for those that no column of ours has. */
function sizeOf(type: number): number | null {
  if (type === 8 || type === 9) return 0;
  if (type >= 13 && type % 2 === 1) return (type - 13) / 2;
  return integerBytes[type] ?? null;
}

function valueOf(type: number, payload: Buffer, at: number, bytes: number): Value {
  if (type === 0) return null;
  if (type >= 13) return payload.toString('utf8', at, at + bytes);
  if (type >= 8) return BigInt(type - 8);
  if (bytes === 8) return payload.readBigInt64BE(at);
  return BigInt(payload.readIntBE(at, bytes));
}

/** SQLite's variable-length integer: seven bits a byte, the ninth byte whole. */
function varint(bytes: Buffer, offset: number): { value: number; end: number } | null {
  let value = 0;
  for (let index = 0; index < 9; index++) {
    const byte = bytes[offset + index];
    if (byte === undefined) return null;
    if (index === 8) return { value: value * 256 + byte, end: offset + 9 };
    value = value * 128 + (byte & 127);
    if (byte < 128) return { value, end: offset + index + 1 };
  }
  return null;
}
