// _given.ts: a containerd of the test's own, a world of images in it, and images to begin with
import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import type { ImageRecord } from '../../../events/image.ts';
import { manageContainerd } from '../../../actors/containerd/child.ts';
import { connect, type Containerd } from '../../../actors/containerd/client.ts';
import { linuxImages } from '../../../actors/images/images.ts';
import type { RegistryOptions } from '../../../actors/registry/endpoint.ts';
import type { Clock, Images, Random } from '../../../actors/world.ts';
import { busyboxTar } from '../../_image.ts';

export interface Given {
  readonly images: Images;
  readonly containerd: Containerd;
}

export const hasProgram = (name: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Why these tests cannot run here; null when they can. */
export const lacking = process.getuid?.() !== 0 ? 'needs root' : !hasProgram('containerd') || !hasProgram('runc') ? 'needs containerd' : null;

export const clock: Clock = {
  now: () => BigInt(Date.now()) * 1_000_000n,
  until: () => Promise.resolve(),
};
export const random: Random = {
  hex: (bytes) => randomBytes(bytes).toString('hex'),
  uuid: () => crypto.randomUUID(),
  integer: (below) => Math.floor(Math.random() * below),
};

export interface House {
  /** A world with nothing in it, beside all others of the same containerd. */
  world(registries?: RegistryOptions): Given;
  close(): Promise<void>;
}

export const openHouse = async (): Promise<House> => {
  const folder = await mkdtemp(join(tmpdir(), 'tallyd-images-'));
  const child = await manageContainerd({ dataRoot: join(folder, 'data'), execRoot: join(folder, 'exec') });
  const open: Containerd[] = [];
  return {
    world(registries = {}) {
      const containerd = connect(child.address, `test-${randomBytes(6).toString('hex')}`);
      open.push(containerd);
      return { containerd, images: linuxImages(containerd, { clock, random, architecture: process.arch, registries: { retryDelayMs: 1, ...registries } }) };
    },
    async close() {
      for (const containerd of open) containerd.close();
      await child.shutDown();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

export const plainConfig = { architecture: 'amd64', os: 'linux', created: '2026-01-02T03:04:05Z', config: { Cmd: ['sh'], Env: ['PATH=/bin'] } };

export const importBusybox = async ({ images }: Given): Promise<ImageRecord> => images.importLayer(Readable.from([await busyboxTar()]), plainConfig, 'from a tar');

/** Digests of all blobs there are. */
export const blobsOf = async ({ containerd }: Given): Promise<string[]> => {
  const digests: string[] = [];
  for await (const { info } of containerd.stream('Content.List', {})) digests.push(...info.map(({ digest }) => digest));
  return digests;
};

/** Names of all snapshots there are. */
export const snapshotsOf = async ({ containerd }: Given): Promise<string[]> => {
  const names: string[] = [];
  for await (const { info } of containerd.stream('Snapshots.List', { snapshotter: 'overlayfs' })) names.push(...info.map(({ name }) => name));
  return names;
};

/** Nothing is held that nobody asked for: leases and unfinished blobs. */
export const leftovers = async ({ containerd }: Given): Promise<string[]> => {
  const { leases } = await containerd.call('Leases.List', {});
  const { statuses } = await containerd.call('Content.ListStatuses', {});
  return [...leases.map(({ id }) => id), ...statuses.map(({ ref }) => ref)];
};

/** A tar of files by their names. */
export const tarOf = async (files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> => {
  const tar = pack();
  const chunks: Buffer[] = [];
  tar.on('data', (chunk) => chunks.push(chunk as Buffer));
  const ended = new Promise<void>((resolve, reject) => tar.on('end', resolve).on('error', reject));
  for (const [name, body] of Object.entries(files)) {
    await new Promise<void>((resolve, reject) => tar.entry({ name, mode: 0o644, mtime: new Date(0) }, body, (error) => (error ? reject(error) : resolve())));
  }
  tar.finalize();
  await ended;
  return Buffer.concat(chunks);
};

export const readAll = async (stream: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};
