// json-lines-read.ts: lines of a json-file back into what the container wrote
import type { LogLine } from '../world.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
const head = bytesOf('{"log":"');
const stream = bytesOf('","stream":"std');
const attrs = bytesOf(',"attrs":{');
const time = bytesOf(',"time":"');
const quote = 0x22;
const backslash = 0x5c;

/** Null for what is no line of a log: torn by a crash, or somebody else's. */
type Read = LogLine | null;

/**
 * All complete lines of the block, in the exact order of members that Docker and this daemon write; others go through
 * JSON.parse. The lines share one buffer, which is never larger than the block.
 */
export function readLines(block: Buffer, wanted: (line: LogLine) => boolean): LogLine[] {
  const lines: LogLine[] = [];
  const text = Buffer.allocUnsafe(block.length);
  const cursor = { out: 0 };
  for (let at = 0; at < block.length; ) {
    const found = block.indexOf(0x0a, at);
    const end = found < 0 ? block.length : found;
    const line = quickly(block, at, end, text, cursor) ?? slowly(block, at, end);
    if (line && wanted(line)) lines.push(line);
    at = end + 1;
  }
  return lines;
}

function quickly(block: Buffer, start: number, end: number, text: Buffer, cursor: { out: number }): Read {
  if (!matches(block, start, end, head)) return null;
  const from = cursor.out;
  const close = unescaped(block, start + head.length, end, text, cursor);
  if (close < 0 || !matches(block, close, end, stream)) return null;
  const name = close + stream.length;
  const source = block[name] === 0x6f ? 'stdout' : 'stderr';
  const afterStream = name + 4;
  const afterAttributes = matches(block, afterStream, end, attrs) ? block.indexOf('},"time":"', afterStream, 'latin1') + 1 : afterStream;
  if (afterAttributes === 0 || !matches(block, afterAttributes, end, time)) return null;
  const at = block.toString('latin1', afterAttributes + time.length, end - 2);
  const line = text.subarray(from, cursor.out);
  if (afterAttributes === afterStream) return { stream: source, time: at, line };
  return { stream: source, time: at, line, attributes: attributesOf(block.toString('utf8', afterStream + attrs.length - 1, afterAttributes)) };
}

function matches(block: Buffer, at: number, end: number, expected: Buffer): boolean {
  if (at + expected.length > end) return false;
  for (let index = 0; index < expected.length; index += 1) if (block[at + index] !== expected[index]) return false;
  return true;
}

let lastText = '';
let lastAttributes: Readonly<Record<string, string>> = {};

/** The same for all lines of a run. */
function attributesOf(text: string): Readonly<Record<string, string>> {
  if (text === lastText) return lastAttributes;
  lastAttributes = JSON.parse(text) as Record<string, string>;
  lastText = text;
  return lastAttributes;
}

const shortEscapes: Readonly<Record<number, number>> = { 0x6e: 0x0a, 0x72: 0x0d, 0x74: 0x09, 0x62: 0x08, 0x66: 0x0c, 0x22: 0x22, 0x5c: 0x5c, 0x2f: 0x2f };

/** Gives where the closing quote is; -1: there is none. Never writes more than it reads. */
function unescaped(block: Buffer, start: number, end: number, text: Buffer, cursor: { out: number }): number {
  let { out } = cursor;
  for (let at = start; at < end; at += 1) {
    const byte = block[at]!;
    if (byte === quote) {
      cursor.out = out;
      return at;
    }
    if (byte !== backslash) {
      text[out++] = byte;
      continue;
    }
    at += 1;
    if (block[at] === 0x75) {
      out += text.write(JSON.parse(`"${block.toString('latin1', at - 1, at + 5)}"`) as string, out, 'utf8');
      at += 4;
    } else text[out++] = shortEscapes[block[at]!] ?? block[at]!;
  }
  return -1;
}

function slowly(block: Buffer, start: number, end: number): Read {
  try {
    const { log, stream: source, time: at, attrs: attributes } = JSON.parse(block.toString('utf8', start, end)) as Record<string, unknown>;
    if (typeof log !== 'string' || typeof at !== 'string') return null;
    const line = { stream: source === 'stderr' ? 'stderr' : 'stdout', time: at, line: Buffer.from(log) } as const;
    return attributes ? { ...line, attributes: attributes as Record<string, string> } : line;
  } catch {
    return null;
  }
}
