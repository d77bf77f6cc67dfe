// route.ts: the rows of the Docker API: a method, a path, who it is for, and what answers
import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { Engine } from '../../actors/engine.ts';
import type { Roster } from '../../actors/roster.ts';
import type { Asker } from '../../actors/turn.ts';
import type { Face } from './face.ts';

/** One request. */
export interface Call {
  readonly face: Face;
  readonly engine: Engine;
  /** What a query reads: as it is now, or as it was (`?at=`). */
  readonly roster: Roster;
  /** Of the API: 24 to 51. */
  readonly version: number;
  /** What stands in the path for `{id}`, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The body as it comes; for JSON use `json`. */
  readonly body: Readable;
  /** The body's JSON, null without a body; throws `invalid` as Docker refuses it. */
  json(): Promise<unknown>;
  readonly asker: Asker;
  /** Aborted when the client is gone before it was answered in full. */
  readonly signal: AbortSignal;
}

export type Answer =
  | { readonly is: 'json'; readonly status: number; readonly value: unknown; readonly headers?: Readonly<Record<string, string>> }
  | { readonly is: 'text'; readonly text: string; readonly headers?: Readonly<Record<string, string>> }
  /** JSON that is text already. */
  | { readonly is: 'jsonText'; readonly text: string }
  | { readonly is: 'empty'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Headers go out at once, each chunk as it comes, as fast as the client reads. */
  | { readonly is: 'stream'; readonly type: string; readonly chunks: AsyncIterable<string | Uint8Array>; readonly headers?: Readonly<Record<string, string>> }
  /** The connection is no longer HTTP. `upgrade` in `TakeOver` is what the client asked to upgrade to. */
  | { readonly is: 'takeOver'; readonly type: string; readonly run: TakeOver };

/**
 * Called with the raw connection after its head was written: `101 UPGRADED` when the client asked for an upgrade, else `200 OK`.
 * What the client sent behind its request is the first that is read. Whoever takes over ends the connection.
 */
export type TakeOver = (connection: Duplex) => void | Promise<void>;

export const json = (value: unknown, status = 200, headers?: Readonly<Record<string, string>>): Answer => ({ is: 'json', status, value, headers });
export const jsonText = (text: string): Answer => ({ is: 'jsonText', text });
export const empty = (status = 204, headers?: Readonly<Record<string, string>>): Answer => ({ is: 'empty', status, headers });
export const stream = (type: string, chunks: AsyncIterable<string | Uint8Array>, headers?: Readonly<Record<string, string>>): Answer => ({
  is: 'stream', type, chunks, headers,
});
export const takeOver = (type: string, run: TakeOver): Answer => ({ is: 'takeOver', type, run });

export type Handler = (call: Call) => Answer | Promise<Answer>;

export interface Row {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** As in Docker's own description, `/containers/{id}/json`; `{name*}` may contain slashes. */
  readonly path: string;
  /** A query is answered at once from what is known; a command waits until the engine is ready. */
  readonly is: 'query' | 'command';
  /** First and last version of the API that has it, both inclusive. */
  readonly since?: number;
  readonly until?: number;
  readonly answer: Handler;
}

export const query = (method: Row['method'], path: string, answer: Handler, span: Pick<Row, 'since' | 'until'> = {}): Row => ({
  method, path, is: 'query', answer, ...span,
});
export const command = (method: Row['method'], path: string, answer: Handler, span: Pick<Row, 'since' | 'until'> = {}): Row => ({
  method, path, is: 'command', answer, ...span,
});

export interface Found {
  readonly row: Row;
  readonly params: Readonly<Record<string, string>>;
}
/** Finds the row for a decoded path without its version. */
export type Router = (method: string, path: string) => Found | null;

interface Compiled {
  readonly row: Row;
  readonly pattern: RegExp;
  readonly names: readonly string[];
}

/** Paths of more literal segments are tried first: `/images/json` before `/images/{name*}/json`. */
export function routerOf(rows: readonly Row[]): Router {
  const byPlace = new Map<string, Compiled[]>();
  for (const row of [...rows].sort((a, b) => placeholders(a.path) - placeholders(b.path))) {
    const place = placeOf(row.method, row.path);
    byPlace.set(place, [...(byPlace.get(place) ?? []), compiled(row)]);
  }
  return (method, path) => {
    for (const { row, pattern, names } of byPlace.get(placeOf(method, path)) ?? []) {
      const found = pattern.exec(path);
      if (found) return { row, params: Object.fromEntries(names.map((name, index) => [name, found[index + 1]!])) };
    }
    return null;
  };
}

const placeOf = (method: string, path: string): string => `${method} ${path.split('/')[1]}`;
const placeholders = (path: string): number => path.split('{').length;

function compiled(row: Row): Compiled {
  const names: string[] = [];
  const pattern = row.path.replace(/\{(\w+)(\*?)\}/g, (_, name: string, star: string) => {
    names.push(name);
    return star ? '(.+)' : '([^/]+)';
  });
  return { row, names, pattern: new RegExp(`^${pattern}$`) };
}
