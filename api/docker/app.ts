// app.ts: from an HTTP request to the row that answers it and back: versions, headers, errors, streams
import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import { Readable } from 'node:stream';
import Koa, { type Context } from 'koa';
import { Refused } from '../../actors/refused.ts';
import { readJson } from './body.ts';
import { callerOf } from './caller.ts';
import { handOver, responseFor } from './connection.ts';
import type { Face } from './face.ts';
import { rosterFor } from './past.ts';
import { routerOf, type Answer, type Call, type Found, type Router, type Row } from './route.ts';
import { rows as allRows } from './rows.ts';
import { noOf } from './status.ts';
import { highest, versionOf, written } from './versions.ts';

/** A server for the Docker API; whoever starts the daemon lets it listen on each of its addresses. */
export function dockerServer(face: Face, options: ServerOptions = {}): Server {
  // A client may take its time over an archive, and a stream of events has no end.
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 120_000, ...options });
  attachTo(server, face);
  return server;
}

/** The same for a server that exists already, with TLS for instance. */
export function attachTo(server: Server, face: Face, rows: readonly Row[] = allRows): void {
  const app = new Koa();
  const router = routerOf(rows);
  app.silent = true;
  app.use((context) => serve(face, router, context));
  const handle = app.callback();
  server.on('request', (request, response) => void handle(request, response));
  server.on('upgrade', (request: IncomingMessage, socket, head) => void handle(request, responseFor(request, socket, head)));
}

async function serve(face: Face, router: Router, context: Context): Promise<void> {
  try {
    const { version, path } = split(decoded(context.path));
    const found = router(context.method, path);
    if (!found) throw new Refused('notFound', 'page not found');
    context.set({ Server: `Tallyd/${face.version} (linux)`, 'Api-Version': written(highest), Ostype: 'linux' });
    const spoken = version === null ? highest : versionOf(version);
    if (typeof spoken === 'string') throw new Refused('invalid', spoken);
    context.set('Docker-Experimental', 'false');
    if (spoken < (found.row.since ?? 0) || spoken > (found.row.until ?? highest)) throw new Refused('notFound', 'page not found');
    await answer(face, context, found, spoken);
  } catch (error) {
    refuse(face, context, error);
  }
}

/** Docker matches the decoded path, and forgives doubled slashes: a container may be named `/web`. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path).replace(/\/{2,}/g, '/');
  } catch {
    throw new Refused('notFound', 'page not found');
  }
}

function split(path: string): { version: string | null; path: string } {
  const found = /^\/v([0-9.]+)(\/.*)$/.exec(path);
  return found ? { version: found[1]!, path: found[2]! } : { version: null, path };
}

async function answer(face: Face, context: Context, { row, params }: Found, version: number): Promise<void> {
  const { engine } = face;
  const gone = new AbortController();
  context.res.on('close', () => gone.abort());
  const query = new URLSearchParams(context.querystring);
  if (row.is === 'command') await engine.ready;
  const roster = row.is === 'query' ? await rosterFor(engine, query) : engine.roster;
  const position = roster.position;
  const call: Call = {
    face, engine, roster, version, params, query, headers: context.req.headers, body: context.req, signal: gone.signal,
    json: () => readJson(context.req.headers, context.req),
    asker: { caller: callerOf(context.req), correlationId: correlationOf(face, context.req), causation: null },
  };
  const given = await row.answer(call);
  context.set('Tally-Position', String(row.is === 'query' ? position : roster.position));
  give(face, context, given);
}

/** A client may name its request, to find again in the log what it led to. */
function correlationOf(face: Face, request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : face.engine.world.random.uuid();
}

function give(face: Face, context: Context, given: Answer): void {
  if (given.is === 'takeOver') {
    context.respond = false;
    void leave(face, context, given);
    return;
  }
  if ('headers' in given && given.headers) context.set(given.headers);
  switch (given.is) {
    case 'empty':
      context.status = given.status;
      context.body = null;
      context.status = given.status;
      return;
    case 'text':
      context.status = 200;
      context.set('Content-Type', 'text/plain; charset=utf-8');
      // HEAD has no text, and dockerd does not tell how long it would be.
      context.body = context.method === 'HEAD' ? '' : given.text;
      return;
    case 'json':
      context.status = given.status;
      context.set('Content-Type', 'application/json');
      context.body = `${JSON.stringify(given.value)}\n`;
      return;
    case 'jsonText':
      context.status = 200;
      context.set('Content-Type', 'application/json');
      context.body = `${given.text}\n`;
      return;
    case 'stream':
      context.status = 200;
      context.set('Content-Type', given.type);
      context.body = Readable.from(given.chunks, { objectMode: false, highWaterMark: 64 * 1024 });
      context.flushHeaders();
  }
}

async function leave(face: Face, context: Context, given: Extract<Answer, { is: 'takeOver' }>): Promise<void> {
  const connection = handOver(context.req, context.res, given.type);
  try {
    await given.run(connection);
  } catch (error) {
    face.report(`a connection taken over at ${context.path} failed: ${String(error)}`);
    connection.destroy();
  }
}

function refuse(face: Face, context: Context, error: unknown): void {
  const no = noOf(error) ?? { status: 500, message: error instanceof Error ? error.message : String(error) };
  if (noOf(error) === null) face.report(`${context.method} ${context.path}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  context.set('Content-Type', 'application/json');
  context.status = no.status;
  context.body = `${JSON.stringify({ message: no.message })}\n`;
}
