// container-list.ts: a container as `docker ps` is told of it; made to be cheap, since there may be thousands
import { contextOf, type Container } from '../../../actors/operations/find-container.ts';
import { fullNameOf } from '../../../actors/operations/find-image.ts';
import type { Roster } from '../../../actors/roster.ts';
import type { Views } from '../../../machines/index.ts';
import { listedPorts, networksOf, portsOf } from './container-network.ts';
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

/** What only changes with the container itself is kept beside the snapshot of it. */
interface Kept {
  readonly Command: string;
  readonly Created: number;
}
const kept = new WeakMap<Context['spec'], Kept>();

function keptOf(context: Context): Kept {
  const known = kept.get(context.spec);
  if (known) return known;
  const made = { Command: commandOf(context.spec.config), Created: Math.floor(Date.parse(context.createdAt) / 1000) };
  kept.set(context.spec, made);
  return made;
}

export function listed(listing: Listing, container: Container) {
  const { places, roster, version } = listing;
  const context = contextOf(container);
  const { spec } = context;
  const status = statusOf(container);
  const { Command, Created } = keptOf(context);
  const annotations = version >= 46 ? spec.hostConfig.Annotations : undefined;
  return {
    Id: container.id,
    Names: [`/${context.name}`],
    Image: imageName(listing, spec.image),
    ImageID: spec.image.id,
    Command,
    Created,
    Ports: listedPorts(portsOf(container)),
    Labels: spec.config.Labels,
    State: status,
    Status: statusText(container, status, listing.nowMs),
    HostConfig: { NetworkMode: spec.hostConfig.NetworkMode, ...(annotations ? { Annotations: annotations } : {}) },
    NetworkSettings: { Networks: networksOf(roster, container, version, true) },
    Mounts: spec.mounts.map((mount) => shownMount(mount, places)),
  };
}
export type Listed = ReturnType<typeof listed>;
