// _registry.ts: a registry in memory that can be made to misbehave, and Debian's docker-registry beside it
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';
import type { Platform } from '../../../actors/world.ts';
import { type Descriptor, mediaTypes } from '../../../actors/registry/manifest.ts';

export const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface Made {
  readonly descriptor: Descriptor;
  /** The image's id. */
  readonly id: string;
  readonly layers: readonly string[];
}

/** True: the request was answered. */
type Hook = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface MemoryRegistry {
  /** `127.0.0.1:41234`. */
  readonly host: string;
  /** `GET /v2/...`, in the order they came. */
  readonly requests: string[];
  hook: Hook;
  addBlob(bytes: Buffer): string;
  addManifest(repository: string, reference: string, value: object, mediaType: string): Descriptor;
  /** An image of these layers' tars, under its digest and the tag. */
  addImage(repository: string, tag: string, tars: readonly Buffer[], unusual?: { platform?: Platform; diffIds?: readonly string[] }): Made;
  blob(digest: string): Buffer;
  close(): Promise<void>;
}

const send = (response: ServerResponse, status: number, headers: Record<string, string>, body: Buffer | string = ''): void => {
  response.writeHead(status, { 'content-length': String(Buffer.byteLength(body)), ...headers }).end(body);
};
export const refuse = (response: ServerResponse, status: number, code: string, message: string, headers: Record<string, string> = {}): void =>
  send(response, status, { 'content-type': 'application/json', ...headers }, JSON.stringify({ errors: [{ code, message }] }));

export const openMemoryRegistry = async (): Promise<MemoryRegistry> => {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, { bytes: Buffer; mediaType: string }>();
  const requests: string[] = [];

  const serveBlob = (digest: string, request: IncomingMessage, response: ServerResponse): void => {
    const bytes = blobs.get(digest);
    if (bytes === undefined) return refuse(response, 404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    send(response, from > 0 ? 206 : 200, {}, bytes.subarray(from));
  };
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname } = new URL(request.url ?? '', 'http://registry');
    requests.push(`${request.method} ${request.url}`);
    if (registry.hook(request, response)) return;
    const blob = /^\/v2\/.+\/blobs\/(.+)$/.exec(pathname)?.[1];
    const [, repository, reference] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(pathname) ?? [];
    if (pathname === '/v2/') return send(response, 200, {}, '{}');
    if (blob !== undefined) return serveBlob(blob, request, response);
    const manifest = manifests.get(`${repository} ${reference}`);
    if (manifest === undefined) return refuse(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    send(response, 200, { 'content-type': manifest.mediaType }, manifest.bytes);
  };
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');

  const registry: MemoryRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    hook: () => false,
    addBlob(bytes) {
      const digest = digestOf(bytes);
      blobs.set(digest, bytes);
      return digest;
    },
    blob: (digest) => blobs.get(digest) ?? Buffer.alloc(0),
    addManifest(repository, reference, value, mediaType) {
      const bytes = Buffer.from(JSON.stringify(value));
      const digest = digestOf(bytes);
      for (const name of [reference, digest]) manifests.set(`${repository} ${name}`, { bytes, mediaType });
      return { mediaType, digest, size: bytes.length };
    },
    addImage(repository, tag, tars, { platform = { os: 'linux', architecture: 'amd64' }, diffIds = tars.map(digestOf) } = {}) {
      const config = Buffer.from(JSON.stringify({ ...platform, config: { Cmd: ['sh'] }, rootfs: { type: 'layers', diff_ids: diffIds } }));
      const layers = tars.map((tar): Descriptor => {
        const bytes = gzipSync(tar);
        return { mediaType: mediaTypes.dockerLayer, digest: registry.addBlob(bytes), size: bytes.length };
      });
      const id = registry.addBlob(config);
      const manifest = { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config: { mediaType: mediaTypes.dockerConfig, digest: id, size: config.length }, layers };
      return { descriptor: registry.addManifest(repository, tag, manifest, mediaTypes.dockerManifest), id, layers: layers.map(({ digest }) => digest) };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return registry;
};

export interface DebianRegistry {
  readonly host: string;
  close(): Promise<void>;
}

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
};

export const openDebianRegistry = async (): Promise<DebianRegistry> => {
  const folder = await mkdtemp(join(tmpdir(), 'tallyd-registry-'));
  const config = join(folder, 'config.yml');
  await writeFile(config, `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${folder}/data\nhttp:\n  addr: 127.0.0.1:0\n`);
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const close = async (): Promise<void> => {
    await ended(child);
    await rm(folder, { recursive: true, force: true });
  };
  for await (const line of createInterface({ input: child.stderr })) {
    const host = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (host === undefined) continue;
    child.stderr.resume();
    return { host, close };
  }
  await close();
  throw new Error('docker-registry did not start');
};
