// image.ts: an image in Docker's JSON: listed, inspected, and its history
import { idOfImage, type Image } from '../../../actors/operations/image.ts';
import { familiarName, parseReference } from '../../../actors/registry/reference.ts';
import { get, viewOf, type Roster } from '../../../actors/roster.ts';
import type { ImageConfig } from '../../../events/image.ts';
import { nanoseconds, never } from '../../../events/time.ts';

const isDigest = (reference: string): boolean => reference.includes('@');
const familiar = (reference: string): string => familiarName(parseReference(reference));
export const tagsOf = (image: Image): string[] => viewOf(image).context.references.filter((each) => !isDigest(each)).map(familiar);
export const digestsOf = (image: Image): string[] => viewOf(image).context.references.filter(isDigest).map(familiar);

/** Seconds; 0 for an image that does not say when it was made. */
const secondsOf = (time: string | undefined): number => Number((nanoseconds(time ?? '') ?? 0n) / 1_000_000_000n);
/** Nanoseconds, null when it is not known. */
export const createdAt = (image: Image): bigint | null => nanoseconds(viewOf(image).context.image.config.created ?? '');

export interface Listing {
  /** References that are shown. */
  readonly references: readonly string[];
  readonly containers: number;
  /** Bytes of layers that other images have too; -1: not counted. */
  readonly sharedSize: number;
  readonly version: number;
}

export function listedImage(image: Image, { references, containers, sharedSize, version }: Listing): object {
  const { image: record } = viewOf(image).context;
  const tags = references.filter((each) => !isDigest(each)).map(familiar);
  const digests = references.filter(isDigest).map(familiar);
  const nameless = version < 43 && references.length === 0;
  return {
    Containers: version < 51 ? -1 : containers,
    Created: secondsOf(record.config.created),
    Id: idOfImage(image),
    Labels: record.config.config?.Labels ?? (version < 43 ? null : {}),
    ParentId: record.parent ?? '',
    RepoDigests: nameless ? ['<none>@<none>'] : digests,
    RepoTags: nameless ? ['<none>:<none>'] : tags,
    SharedSize: sharedSize,
    Size: record.size,
    ...(version < 44 ? { VirtualSize: record.size } : {}),
  };
}

/** What an image's config always shows, also when it says nothing of it. moby: router/image/inspect_response.go */
const always = { Cmd: null, Entrypoint: null, Env: null, Labels: null, OnBuild: null, User: '', Volumes: null, WorkingDir: '' };
const alwaysBefore50 = {
  AttachStderr: false, AttachStdin: false, AttachStdout: false, Domainname: '', Hostname: '', Image: '', OpenStdin: false, StdinOnce: false, Tty: false,
};

const configOf = (config: ImageConfig['config'], version: number): object => ({ ...(version < 50 ? alwaysBefore50 : {}), ...always, ...config });

/** Fields that a version dropped. */
function former({ container, container_config: containerConfig }: ImageConfig, size: number, version: number): object {
  return {
    ...(version < 45 ? { Container: container ?? '', ContainerConfig: containerConfig ?? configOf({}, 49) } : {}),
    ...(version < 44 ? { VirtualSize: size } : {}),
  };
}

export function inspectedImage(image: Image, version: number): object {
  const { image: record, taggedAt } = viewOf(image).context;
  const { config } = record;
  const created = config.created ?? (version < 44 ? never : undefined);
  return {
    Id: idOfImage(image),
    RepoTags: tagsOf(image),
    RepoDigests: digestsOf(image),
    Parent: record.parent ?? '',
    Comment: config.comment ?? config.history?.at(-1)?.comment ?? '',
    ...(created === undefined ? {} : { Created: created }),
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: configOf(config.config, version),
    Architecture: config.architecture,
    ...(config.variant ? { Variant: config.variant } : {}),
    Os: config.os,
    Size: record.size,
    GraphDriver: { Data: {}, Name: 'overlayfs' },
    RootFS: { Type: config.rootfs.type, Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: taggedAt === '' ? never : taggedAt },
    ...former(config, record.size, version),
  };
}

/** From the newest layer to the oldest; ids are known of the image itself and of parents that are here. */
export function imageHistory(roster: Roster, image: Image): object[] {
  const { config, layerSizes } = viewOf(image).context.image;
  let layer = 0;
  const entries = (config.history ?? []).map((each) => ({
    Comment: each.comment ?? '', Created: secondsOf(each.created), CreatedBy: each.created_by ?? '',
    Size: each.empty_layer ? 0 : (layerSizes[layer++] ?? 0),
  }));
  let known: Image | undefined = image;
  return entries.reverse().map((entry) => {
    const tags = known ? tagsOf(known) : [];
    const shown = { ...entry, Id: known ? idOfImage(known) : '<missing>', Tags: tags.length > 0 ? tags : null };
    const { parent } = known ? viewOf(known).context.image : {};
    known = parent === undefined ? undefined : get(roster, 'image', parent.replace(/^sha256:/, ''));
    return shown;
  });
}
