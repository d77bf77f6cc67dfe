// _api.ts: the Docker API in this process, on the simulated world and a log in memory; every answer is compared with its description
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { dockerServer } from '../../api/docker/app.ts';
import type { Face } from '../../api/docker/face.ts';
import { askForDefaultNetworks } from '../../actors/default-networks.ts';
import type { Engine } from '../../actors/engine.ts';
import { openEngine } from '../../actors/restore.ts';
import { simulatedWorld } from '../../actors/worlds/simulated.ts';
import { memoryLog } from '../../events/stores/memory.ts';
import { deviations } from './_schema.ts';

export interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Parsed, when the answer is JSON of one value; else undefined. */
  readonly value: any; // eslint-disable-line typescript/no-explicit-any
}

export interface Api {
  readonly engine: Engine;
  readonly world: ReturnType<typeof simulatedWorld>;
  readonly face: Face;
  readonly socketPath: string;
  /** Asks, waits for the whole answer, and fails the test when it is not as Docker describes it. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Asks and gives the answer as it comes; whoever opens it destroys it. */
  open(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<{ request: ClientRequest; response: IncomingMessage }>;
}

export interface ApiOptions {
  readonly seed?: number;
  /** `manual` by default: time stands still until `world.machine.clock.advance` moves it. */
  readonly pace?: 'manual' | 'real';
  /** False: the engine is folded and not yet awake. */
  readonly awake?: boolean;
}

export async function api(t: ExecutionContext, options: ApiOptions = {}): Promise<Api> {
  const folder = await mkdtemp(join(tmpdir(), 'tally-api-'));
  const world = simulatedWorld({ seed: options.seed ?? 1, pace: options.pace ?? 'manual' });
  const log = memoryLog();
  const faults: string[] = [];
  const { engine, wake } = await openEngine({ id: 'test', log, world, onFault: (stream, message) => faults.push(`${stream}: ${message}`) });
  const face: Face = {
    engine, version: '0.1.0', commit: 'abcdef1', builtAt: '2026-01-01T00:00:00Z', dataRoot: '/var/lib/tallyd', labels: [], debug: false, liveRestore: false,
    defaultRuntime: 'runc', insecureRegistries: [], registryMirrors: [], httpProxy: '', httpsProxy: '', noProxy: '',
    report: (sentence) => faults.push(sentence),
  };
  if (options.awake ?? true) {
    wake();
    await askForDefaultNetworks(engine, { bip: '', bridge: '', mtu: 1500, icc: true });
  }
  const server = dockerServer(face);
  const socketPath = join(folder, 'api.sock');
  server.listen(socketPath);
  await once(server, 'listening');
  t.teardown(async () => {
    server.closeAllConnections();
    server.close();
    engine.closed = true;
    await log.close();
    await rm(folder, { recursive: true, force: true });
    if (faults.length > 0) throw new Error(`the daemon reported faults: ${faults.join('; ')}`);
  });
  return { engine, world, face, socketPath, ask: (...asked) => ask(t, socketPath, ...asked), open: (...asked) => open(socketPath, ...asked) };
}

async function open(socketPath: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const sent = body === undefined || Buffer.isBuffer(body) || typeof body === 'string' ? (body as string | Buffer | undefined) : JSON.stringify(body);
  const type = sent === undefined || sent !== body ? { ...(sent === undefined ? {} : { 'content-type': 'application/json' }) } : { 'content-type': 'application/x-tar' };
  const asked = request({
    socketPath, method, path, agent: false, headers: { ...type, ...(sent === undefined ? {} : { 'content-length': String(Buffer.byteLength(sent)) }), ...headers },
  });
  asked.end(sent);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  asked.on('error', () => undefined);
  return { request: asked, response };
}

async function ask(t: ExecutionContext, socketPath: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const { response } = await open(socketPath, method, path, body, headers);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const value = parsed(text);
  const status = response.statusCode ?? 0;
  if (!/^\/v1\.(?!51)/.test(path) && value !== undefined) t.deepEqual(deviations(method, path, status, value), []);
  return { status, headers: response.headers, text, value };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The lines of an answer that is a stream of JSON. */
export const lines = (text: string): any[] => // eslint-disable-line typescript/no-explicit-any
  text.split('\n').filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as unknown);
