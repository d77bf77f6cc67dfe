// http.ts: requests to registries: redirects followed, bodies as streams, failures in Go's words
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { isLoopback } from './endpoint.ts';
import { ConnectionError, explain, readError } from './fault.ts';

/** Nothing heard for so long: the connection is given up. */
const idleMs = 60_000;
const mostRedirects = 10;
const longestError = 64 * 1024;

export interface Wanted {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream can be sent only once. */
  readonly body?: Buffer | Readable;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
  /** Where it came from, after redirects. */
  readonly url: URL;
}

export interface Carrier {
  send(wanted: Wanted): Promise<Answer>;
  close(): void;
}

type Proxies = Readonly<Record<string, string | undefined>>;

interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

const sendOnce = (wanted: Wanted, agents: Agents): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method, url, headers, body, signal } = wanted;
    const secure = url.protocol === 'https:';
    const options = { method, headers: { 'user-agent': 'tallyd', ...headers }, agent: secure ? agents.https : agents.http, signal };
    const request = secure ? https.request(url, options) : http.request(url, options);
    const fail = (error: unknown): void => reject(signal?.aborted === true ? signal.reason : explain(method, url, error));
    request.setTimeout(idleMs, () => request.destroy(Object.assign(new Error('i/o timeout'), { code: 'ETIMEDOUT' })));
    request.on('response', (answer) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer, url }));
    request.on('error', fail);
    if (body === undefined || Buffer.isBuffer(body)) request.end(body);
    else pipeline(body, request, (error) => error && fail(error));
  });

/** Credentials are for the host that they were given for. */
const withoutCredentials = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'));

const isRedirect = ({ status, headers }: Answer): boolean => [301, 302, 303, 307, 308].includes(status) && headers.location !== undefined;

/** One set of connections, for one piece of work. */
export const openCarrier = (trusted: boolean, proxies: Proxies | null): Carrier => {
  const open = (shared: http.AgentOptions): Agents => ({ http: new http.Agent(shared), https: new https.Agent({ ...shared, rejectUnauthorized: !trusted }) });
  const direct = open({ keepAlive: true });
  const distant = proxies === null ? direct : open({ keepAlive: true, proxyEnv: { ...proxies } });

  const send = async (wanted: Wanted): Promise<Answer> => {
    let current = wanted;
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      // As Go does, and so Docker: this machine is never asked for through a proxy.
      const answer = await sendOnce(current, isLoopback(current.url.hostname) ? direct : distant);
      if (!isRedirect(answer) || (wanted.method !== 'GET' && wanted.method !== 'HEAD')) return answer;
      answer.body.resume();
      const url = new URL(answer.headers.location ?? '', current.url);
      const headers = current.headers ?? {};
      current = { ...current, url, headers: url.host === current.url.host ? headers : withoutCredentials(headers) };
    }
    throw new ConnectionError(`Get "${wanted.url.href}": stopped after ${mostRedirects} redirects`);
  };

  return {
    send,
    close: () => {
      for (const agents of [direct, distant]) {
        agents.http.destroy();
        agents.https.destroy();
      }
    },
  };
};

/** The whole body, which must not be longer than `most` bytes. */
export const readAll = async ({ body, url }: Answer, most: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > most) throw new ConnectionError(`Get "${url.href}": the answer is longer than ${most} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof ConnectionError ? error : explain('GET', url, error);
  }
  return Buffer.concat(chunks);
};

/** Throws what the registry says, unless it says yes. */
export const expectSuccess = async (answer: Answer, otherwise?: string): Promise<Answer> => {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const text = (await readAll(answer, longestError)).toString();
  throw readError(answer.status, http.STATUS_CODES[answer.status] ?? '', answer.headers, text, otherwise);
};
