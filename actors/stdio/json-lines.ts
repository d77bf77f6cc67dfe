// json-lines.ts: lines in the very bytes of Docker's json-file (moby: daemon/logger/jsonfilelog/jsonlog)
import type { Line } from './line-cutter.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
const head = bytesOf('{"log":"');
const hexDigits = bytesOf('0123456789abcdef');

/** 1 where a byte stands for itself. Docker escapes < > & too, because Go's encoder does. */
const plain = new Uint8Array(256);
plain.fill(1, 0x20, 0x80);
for (const byte of bytesOf('"\\<>&')) plain[byte] = 0;

/** No line takes more: each byte as \u00XX, and the rest of the record. */
const worstOf = (line: Line, tail: number): number => (line.end - line.start) * 6 + tail + head.length + 40;

/** `"stream":"stdout","attrs":{...},"time":"`: the same for all lines of a stream. */
export function lineTail(source: string, attributes: Readonly<Record<string, string>> | null): Buffer {
  const attrs = attributes && Object.keys(attributes).length > 0 ? `"attrs":${JSON.stringify(attributes)},` : '';
  return Buffer.from(`","stream":"${source}",${attrs}"time":"`);
}

/**
 * One room for the lines of all containers: it is written out before another container's chunk is looked at.
 * Big enough for the longest line at its worst.
 */
const room = Buffer.allocUnsafeSlow(256 * 1024);
let used = 0;

export const encodedBytes = (): number => used;
export const encoded = (): Buffer => room.subarray(0, used);
export const clearEncoded = (): void => void (used = 0);
export const hasRoomFor = (line: Line, tail: Buffer): boolean => used + worstOf(line, tail.length) <= room.length;

export function encode(line: Line, tail: Buffer): void {
  let out = used;
  out += head.copy(room, out);
  out = escaped(line.bytes, line.start, line.end, out);
  if (line.ended) {
    room[out++] = 0x5c;
    room[out++] = 0x6e;
  }
  out += tail.copy(room, out);
  out = timed(line.seconds, line.nanos, out);
  room[out++] = 0x22;
  room[out++] = 0x7d;
  room[out++] = 0x0a;
  used = out;
}

function escaped(bytes: Buffer, start: number, end: number, at: number): number {
  let out = at;
  let from = start;
  while (from < end) {
    const byte = bytes[from]!;
    if (plain[byte] === 1) {
      room[out++] = byte;
      from += 1;
    } else if (byte < 0x80) {
      out = escape(byte, out);
      from += 1;
    } else {
      const length = runeLength(bytes, from, end);
      out = rune(bytes, from, length, out);
      from += length || 1;
    }
  }
  return out;
}

function escape(byte: number, at: number): number {
  let out = at;
  room[out++] = 0x5c;
  if (byte === 0x22 || byte === 0x5c) room[out++] = byte;
  else if (byte === 0x0a) room[out++] = 0x6e;
  else if (byte === 0x0d) room[out++] = 0x72;
  else {
    room[out++] = 0x75;
    room[out++] = 0x30;
    room[out++] = 0x30;
    room[out++] = hexDigits[byte >> 4]!;
    room[out++] = hexDigits[byte & 15]!;
  }
  return out;
}

/** JSON is UTF-8: what is none becomes U+FFFD, and two separators that JavaScript once took for line ends are escaped. */
function rune(bytes: Buffer, from: number, length: number, out: number): number {
  if (length === 0) return out + room.write('\\ufffd', out, 'latin1');
  const separator = length === 3 && bytes[from] === 0xe2 && bytes[from + 1] === 0x80 && (bytes[from + 2]! & 0xfe) === 0xa8;
  if (separator) return out + room.write(bytes[from + 2] === 0xa8 ? '\\u2028' : '\\u2029', out, 'latin1');
  return out + bytes.copy(room, out, from, from + length);
}

/** 0 when no character of UTF-8 begins here. */
function runeLength(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at]!;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (at + length > end) return 0;
  const second = bytes[at + 1]!;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let next = at + 2; next < at + length; next += 1) if ((bytes[next]! & 0xc0) !== 0x80) return 0;
  return length;
}

let formattedSecond = -1;
let formatted: Buffer = Buffer.alloc(0);

/** As Go's RFC3339Nano: the fraction without its trailing zeros. */
function timed(seconds: number, nanos: number, at: number): number {
  if (seconds !== formattedSecond) {
    formattedSecond = seconds;
    formatted = bytesOf(new Date(seconds * 1000).toISOString().slice(0, 19));
  }
  let out = at + formatted.copy(room, at);
  if (nanos > 0) {
    room[out++] = 0x2e;
    let rest = nanos;
    for (let digit = out + 8; digit >= out; digit -= 1) {
      const tenth = Math.floor(rest / 10);
      room[digit] = 0x30 + rest - tenth * 10;
      rest = tenth;
    }
    out += 9;
    while (room[out - 1] === 0x30) out -= 1;
  }
  room[out++] = 0x5a;
  return out;
}
