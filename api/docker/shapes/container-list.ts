// container-list.ts: a container as `docker ps` is told of it; made to be cheap, since there may be thousands
import { contextOf, type Container } from '../../../actors/operations/find-container.ts';
import { fullNameOf } from '../../../actors/operations/find-image.ts';
import type { Roster } from '../../../actors/roster.ts';
import type { DockerStatus } from '../../../machines/container/status.ts';
import type { Views } from '../../../machines/index.ts';
import { leasesOf, listedPorts, networksOf, portsOf } from './container-network.ts';
import { shownMount } from './container-mount.ts';
import { statusOf, statusText } from './container-status.ts';
import type { Places } from './places.ts';

type Context = Views['container']['context'];

export interface Listing {
  readonly places: Places;
  readonly roster: Roster;
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** Image ids by what they were called at a creation, null where that name means nothing any more: each is looked up once. */
  readonly images: Map<string, string | null>;
}

/** Words with spaces are quoted. moby: container/view.go transform */
function commandOf({ Entrypoint, Cmd }: Context['spec']['config']): string {
  const [path = '', ...args] = [...(Entrypoint ?? []), ...(Cmd ?? [])];
  return [path, ...args.map((word) => (word.includes(' ') ? `'${word}'` : word))].join(' ');
}

/** The name it was created by, or the image's id when that name now means another one or none. moby: refreshImage */
function imageName({ roster, images }: Listing, { id, reference }: Context['spec']['image']): string {
  if (reference === id) return reference;
  let meant = images.get(reference);
  if (meant === undefined) images.set(reference, (meant = meaningOf(roster, reference)));
  const hex = id.slice('sha256:'.length);
  return meant === hex || hex.startsWith(reference.replace(/^sha256:/, '')) ? reference : id;
}

function meaningOf(roster: Roster, reference: string): string | null {
  const full = fullNameOf(reference);
  return full === null ? null : (roster.names.image.get(full) ?? null);
}

/** What is told of a container before and after its status: only that changes with time alone. */
interface Kept {
  /** All that the texts were made of: they are good for as long as each is the same. */
  readonly made: readonly unknown[];
  readonly before: string;
  readonly after: string;
}
const kept = new WeakMap<Container, Kept>();

const sameParts = (one: readonly unknown[], other: readonly unknown[]) => one.length === other.length && one.every((part, index) => part === other[index]);

function texts(listing: Listing, container: Container, status: DockerStatus): Kept {
  const { places, roster, version } = listing;
  const context = contextOf(container);
  const { spec } = context;
  const image = imageName(listing, spec.image);
  const made = [context, container.snapshot.value, version, image, ...leasesOf(roster, container)];
  const known = kept.get(container);
  if (known && sameParts(known.made, made)) return known;
  const annotations = version >= 46 ? spec.hostConfig.Annotations : undefined;
  const before = {
    Id: container.id,
    Names: [`/${context.name}`],
    Image: image,
    ImageID: spec.image.id,
    Command: commandOf(spec.config),
    Created: Math.floor(Date.parse(context.createdAt) / 1000),
    Ports: listedPorts(portsOf(container)),
    Labels: spec.config.Labels,
    State: status,
  };
  const after = {
    HostConfig: { NetworkMode: spec.hostConfig.NetworkMode, ...(annotations ? { Annotations: annotations } : {}) },
    NetworkSettings: { Networks: networksOf(roster, container, version, true) },
    Mounts: spec.mounts.map((mount) => shownMount(mount, places)),
  };
  const fresh = { made, before: JSON.stringify(before).slice(0, -1), after: JSON.stringify(after).slice(1, -1) };
  kept.set(container, fresh);
  return fresh;
}

/** JSON, with which a list of thousands is a matter of putting texts together. */
export function listed(listing: Listing, container: Container, size: { readWrite: number; rootFs: number } | null): string {
  const status = statusOf(container);
  const { before, after } = texts(listing, container, status);
  const sizes = size ? `,"SizeRw":${size.readWrite},"SizeRootFs":${size.rootFs}` : '';
  return `${before},"Status":"${statusText(container, status, listing.nowMs)}",${after}${sizes}}`;
}
