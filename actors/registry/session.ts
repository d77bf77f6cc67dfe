// session.ts: one repository of one registry, over one set of connections: manifests, blobs, tags, both ways
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Credentials } from '../world.ts';
import { WorldFailure } from '../world.ts';
import { authorise } from './authority.ts';
import type { Endpoint, RegistryOptions } from './endpoint.ts';
import { RegistryError, explain } from './fault.ts';
import { type Answer, type Wanted, expectSuccess, openCarrier, readAll } from './http.ts';
import { acceptedManifests } from './manifest.ts';

/** As long as Docker takes one. */
const longestManifest = 4 * 1024 * 1024;
const longestTags = 16 * 1024 * 1024;

export interface Access {
  /** `library/busybox`; empty: the registry itself. */
  readonly path: string;
  readonly actions: 'pull' | 'pull,push';
  readonly credentials: Credentials | null;
  readonly options: RegistryOptions;
  readonly signal: AbortSignal;
}

export interface FetchedManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly digest: string;
}

export interface Session {
  readonly endpoint: Endpoint;
  /** By tag or digest; what came is verified. */
  manifest(reference: string): Promise<FetchedManifest>;
  /** The blob from `offset` on; `offset` in the answer is 0 where the registry cannot begin in the middle. */
  blob(digest: string, offset: number, signal: AbortSignal): Promise<{ body: Readable; offset: number }>;
  tags(): Promise<string[]>;
  hasBlob(digest: string): Promise<boolean>;
  /** True: the registry has taken it over from the other repository. */
  mountBlob(digest: string, from: string): Promise<boolean>;
  putBlob(digest: string, size: number, body: Readable): Promise<void>;
  putManifest(reference: string, bytes: Buffer, mediaType: string): Promise<void>;
  close(): void;
}

export const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const scopeOf = ({ path, actions }: Access): string => (path === '' ? '' : `repository:${path}:${actions}`);
const challengeOf = ({ headers }: Answer): string => headers['www-authenticate'] ?? '';
const nextPage = ({ headers, url }: Answer): URL | null => {
  const match = /<([^>]+)>\s*;[^,]*rel="?next"?/.exec(String(headers.link ?? ''));
  return match?.[1] === undefined ? null : new URL(match[1], url);
};

/** Reaches the registry and proves who asks; a name of which the registry does not want to hear fails later. */
export const openSession = async (endpoint: Endpoint, access: Access): Promise<Session> => {
  const { signal } = access;
  const carrier = openCarrier(endpoint.trusted, access.options.proxies ?? null);
  let authorization: string | null = null;
  let renewing: Promise<string | null> | null = null;

  const renew = (header: string): Promise<string | null> =>
    (renewing ??= authorise(carrier, header, scopeOf(access), access.credentials, signal).finally(() => {
      renewing = null;
    }));

  const sendAs = (wanted: Wanted): Promise<Answer> =>
    carrier.send({ signal, ...wanted, headers: { ...wanted.headers, ...(authorization === null ? {} : { authorization }) } });

  const send = async (wanted: Wanted): Promise<Answer> => {
    const answer = await sendAs(wanted);
    if (answer.status !== 401 || challengeOf(answer) === '' || answer.url.host !== wanted.url.host) return answer;
    answer.body.resume();
    authorization = await renew(challengeOf(answer));
    if (authorization === null) throw new RegistryError('UNAUTHORIZED', 'no basic auth credentials', 401);
    return sendAs(wanted);
  };

  const ping = async (): Promise<void> => {
    const answer = await send({ method: 'GET', url: new URL(`${endpoint.base}/v2/`) });
    if (answer.status !== 401) await expectSuccess(answer);
    answer.body.resume();
  };
  const at = (rest: string): URL => new URL(`${endpoint.base}/v2/${access.path}/${rest}`);
  const hasBlob = async (digest: string): Promise<boolean> => {
    const answer = await send({ method: 'HEAD', url: at(`blobs/${digest}`) });
    if (answer.status !== 404) await expectSuccess(answer);
    answer.body.resume();
    return answer.status !== 404;
  };

  const manifest = async (reference: string): Promise<FetchedManifest> => {
    const url = at(`manifests/${reference}`);
    const answer = await send({ method: 'GET', url, headers: { accept: acceptedManifests.join(', ') } });
    await expectSuccess(answer, answer.status === 404 ? 'MANIFEST_UNKNOWN' : undefined);
    const bytes = await readAll(answer, longestManifest);
    const digest = digestOf(bytes);
    if (reference.startsWith('sha256:') && reference !== digest) throw new WorldFailure('registryFailed', `manifest verification failed for digest ${reference}`);
    return { bytes, digest, mediaType: (answer.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '' };
  };

  const blob = async (digest: string, offset: number, blobSignal: AbortSignal): Promise<{ body: Readable; offset: number }> => {
    const range: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const url = at(`blobs/${digest}`);
    const answer = await send({ method: 'GET', url, headers: { 'accept-encoding': 'identity', ...range }, signal: blobSignal });
    await expectSuccess(answer, answer.status === 404 ? 'BLOB_UNKNOWN' : undefined);
    return { body: answer.body, offset: answer.status === 206 ? offset : 0 };
  };

  const tags = async (): Promise<string[]> => {
    const found: string[] = [];
    for (let url: URL | null = at('tags/list'); url !== null; ) {
      const answer: Answer = await send({ method: 'GET', url });
      await expectSuccess(answer, answer.status === 404 ? 'NAME_UNKNOWN' : undefined);
      const page = JSON.parse((await readAll(answer, longestTags)).toString()) as { tags?: string[] | null };
      found.push(...(page.tags ?? []));
      url = nextPage(answer);
    }
    return found;
  };

  const startUpload = async (query: string): Promise<Answer> => {
    const answer = await expectSuccess(await send({ method: 'POST', url: at(`blobs/uploads/${query}`), headers: { 'content-length': '0' } }));
    answer.body.resume();
    return answer;
  };

  const putBlob = async (digest: string, size: number, body: Readable): Promise<void> => {
    const started = await startUpload('');
    const url = new URL(started.headers.location ?? '', started.url);
    url.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) };
    (await expectSuccess(await sendAs({ method: 'PUT', url, headers, body }))).body.resume();
  };

  const putManifest = async (reference: string, bytes: Buffer, mediaType: string): Promise<void> => {
    const headers = { 'content-type': mediaType, 'content-length': String(bytes.length) };
    (await expectSuccess(await send({ method: 'PUT', url: at(`manifests/${reference}`), headers, body: bytes }))).body.resume();
  };

  try {
    await ping();
  } catch (error) {
    carrier.close();
    throw error;
  }
  return {
    endpoint,
    manifest,
    blob,
    tags,
    hasBlob,
    mountBlob: async (digest, from) => (await startUpload(`?mount=${digest}&from=${encodeURIComponent(from)}`)).status === 201,
    putBlob,
    putManifest,
    close: carrier.close,
  };
};

/** A connection that breaks while a body is read. */
export const brokenBlob = (endpoint: Endpoint, digest: string, error: unknown): Error => explain('GET', new URL(`${endpoint.base}/v2/blobs/${digest}`), error);
