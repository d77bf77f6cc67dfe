// manifest.ts: manifests and indexes as registries and archives have them, of Docker's and of OCI's media types
import type { Platform } from '../world.ts';
import { WorldFailure } from '../world.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly urls?: readonly string[];
}

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
}

export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/** What is asked for, best first. */
export const acceptedManifests: readonly string[] = [mediaTypes.ociIndex, mediaTypes.dockerList, mediaTypes.ociManifest, mediaTypes.dockerManifest];

const indexes: readonly string[] = [mediaTypes.ociIndex, mediaTypes.dockerList];
const configs: readonly string[] = [mediaTypes.ociConfig, mediaTypes.dockerConfig, 'application/octet-stream', ''];
const digestShape = /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/;

const isDescriptor = (value: unknown): value is Descriptor => {
  const { digest, size } = (value ?? {}) as Partial<Descriptor>;
  return typeof digest === 'string' && digestShape.test(digest) && Number.isSafeInteger(size) && (size ?? -1) >= 0;
};
const areDescriptors = (value: unknown): value is Descriptor[] => Array.isArray(value) && value.every(isDescriptor);

const damaged = (message: string): never => {
  throw new WorldFailure('invalid', message);
};

/** Reads a manifest or an index; throws `invalid` for anything else. */
export const readManifest = (bytes: Buffer, mediaType: string): Manifest | Index => {
  let value: Partial<Manifest & Index>;
  try {
    value = (JSON.parse(bytes.toString()) ?? {}) as Partial<Manifest & Index>;
  } catch {
    return damaged('error parsing manifest: not JSON');
  }
  const kind = mediaType === '' || mediaType.startsWith('application/json') ? (value.mediaType ?? '') : mediaType;
  if ((value.schemaVersion as number | undefined) === 1 || kind.includes('distribution.manifest.v1')) {
    return damaged('Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been removed. Suggest the author of the image to upgrade it to the OCI Format or Docker Image manifest v2, schema 2.');
  }
  if (indexes.includes(kind) || (value.config === undefined && value.manifests !== undefined)) {
    return areDescriptors(value.manifests) ? (value as Index) : damaged('invalid manifest list: entries without digest or size');
  }
  if (!isDescriptor(value.config) || !areDescriptors(value.layers)) return damaged(`unsupported manifest media type and no default available: ${kind}`);
  const config = value.config.mediaType ?? '';
  if (!configs.includes(config)) return damaged(`Encountered remote ${JSON.stringify(config)}(unknown) when fetching`);
  return value as Manifest;
};

export const isIndex = (value: Manifest | Index): value is Index => 'manifests' in value;
