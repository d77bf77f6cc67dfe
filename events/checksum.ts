// checksum.ts: the sum that each fact carries, chained to the fact before it
import { crc32 } from 'node:zlib';

/** A fact as a store keeps it: its time in decimal, its cause and its data as JSON text. */
export interface Kept {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly cause: string;
  readonly data: string;
}

/** What the first fact of a log is chained to. */
export const firstLink = 0;

/**
 * A fact as one line of JSON: this is what is summed, and what crosses from the reading thread. Stream, id and type
 * need no escapes in it (`isPlain`), so that SQL can write the same line.
 */
export const lineOf = (fact: Kept): string =>
  `[${fact.position},"${fact.stream}",${fact.revision},"${fact.id}","${fact.type}","${fact.time}",${fact.cause},${fact.data}]`;

export const isPlain = (text: string): boolean => JSON.stringify(text).length === text.length + 2;

/**
 * CRC-32 seeded with the sum of the fact before. Not CRC-32C, though that is the better polynomial: zlib's runs
 * natively at over 1 GB/s where JavaScript reaches 0.3, each fact is summed when written and whenever it is
 * read, and for messages of this length both find every flipped bit and every burst of up to 32 bits.
 */
export const sumOf = (link: number, line: string): number => crc32(line, link);

export const sumOfText = (text: string): number => crc32(text);
