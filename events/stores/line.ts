// line.ts: facts as lines of JSON, turned into facts again
import type { Recorded } from '../fact.ts';

/** What `lineOf` writes: position, stream, revision, id, type, time, cause, data. */
export type Parsed = [number, string, number, string, string, string, Recorded['cause'], unknown];

export const factOf = ([position, stream, revision, id, type, time, cause, data]: Parsed): Recorded => ({ id, type, data, time: BigInt(time), cause, position, stream, revision });
