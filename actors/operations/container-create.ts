// container-create.ts: the creation of a container: checked, merged with its image, its defaults filled in
import type { ContainerConfig, ContainerSpec, EndpointRequest, HostConfig } from '../../events/spec.ts';
import { complaintAbout, complaintAboutEndpoint, complaintAboutName } from '../../machines/container/complaint.ts';
import { filledConfig, filledHostConfig, settledHostConfig, type DaemonDefaults } from '../../machines/container/defaults.ts';
import { checkedResources } from '../../machines/container/limits.ts';
import { mergedWithImage } from '../../machines/container/merge.ts';
import { cleanPath } from '../../machines/container/mount-spec.ts';
import { askUntil } from '../ask.ts';
import type { Engine } from '../engine.ts';
import { Refused } from '../refused.ts';
import { viewOf, type Entity } from '../roster.ts';
import type { Asker } from '../turn.ts';
import type { HostInfo, Platform } from '../world.ts';
import { checkMounts, resolvedMounts } from './container-mounts.ts';
import { findContainer, findContainerIfAny, contextOf } from './find-container.ts';
import { findImage, missingImage } from './find-image.ts';
import { claimAnyName, claimName } from './names.ts';
import { throwFailure } from './outcome.ts';

export interface CreateRequest {
  /** Empty: one is found. */
  readonly name: string;
  readonly config: Partial<ContainerConfig>;
  readonly hostConfig: Partial<HostConfig>;
  readonly networks: Readonly<Record<string, EndpointRequest | null>>;
  readonly platform: Platform | null;
  /** Of an API before 1.44: read-only mounts are not recursive. */
  readonly olderClient: boolean;
}

export interface Created {
  readonly id: string;
  readonly warnings: string[];
}

const refuseIf = (complaint: string | null): void => {
  if (complaint !== null) throw new Refused('invalid', complaint);
};

const machines = new WeakMap<Engine, Promise<HostInfo>>();

/** Asked once: what the machine can does not change while the daemon lives. */
export function machineOf(engine: Engine): Promise<HostInfo> {
  const known = machines.get(engine) ?? engine.world.host.info();
  machines.set(engine, known);
  known.catch(() => machines.delete(engine));
  return known;
}

export async function createContainer(engine: Engine, request: CreateRequest, defaultRuntime: string, asker: Asker): Promise<Created> {
  await engine.ready;
  const machine = await machineOf(engine);
  const defaults: DaemonDefaults = { runtime: defaultRuntime, logConfig: { Type: 'json-file', Config: {} }, cgroupVersion: machine.cgroupVersion };
  const asked = filledConfig(request.config);
  const filled = filledHostConfig(request.hostConfig);
  refuseIf(complaintAbout(asked, filled));
  await checkMounts(engine, { config: asked, host: filled, olderClient: request.olderClient });
  const checked = checkedResources(filled, machine, false);
  if ('complaint' in checked) throw new Refused('invalid', checked.complaint);
  if (filled.Runtime !== '' && !(filled.Runtime in engine.world.runtime.runtimes)) {
    throw new Refused('invalid', `unknown or invalid runtime name: ${filled.Runtime}`);
  }
  for (const [network, endpoint] of Object.entries(request.networks)) refuseIf(complaintAboutEndpoint(network, endpoint));
  const image = imageFor(engine, request);
  const config = imageMerged(asked, image);
  const host = withReferences(engine, settledHostConfig(checked.resources, defaults));
  refuseIf(engine.world.stdio.check(host.LogConfig));
  checkLinks(engine, host);
  const warnings = [...checked.warnings, ...networkWarnings(host, machine), ...platformWarnings(image, request, machine)];
  const id = await append(engine, { ...request, hostName: machine.hostname }, { config, host, image }, asker);
  return { id, warnings };
}

interface Resolved {
  readonly config: ContainerConfig;
  readonly host: HostConfig;
  readonly image: Entity<'image'>;
}

async function append(engine: Engine, request: CreateRequest & { hostName: string }, { config, host, image }: Resolved, asker: Asker): Promise<string> {
  const id = engine.world.random.hex(32);
  if (request.name !== '') refuseIf(complaintAboutName(request.name));
  const claimed = request.name === '' ? claimAnyName(engine, id) : claimName(engine, id, request.name.replace(/^\//, ''));
  try {
    const { mounts, undo } = await resolvedMounts(engine, { config, host, olderClient: request.olderClient }, asker);
    const hostname = config.Hostname || (host.NetworkMode === 'host' ? request.hostName : id.slice(0, 12));
    const { id: imageId, config: imageConfig } = viewOf(image).context.image;
    const { os, architecture, variant } = imageConfig;
    const spec: ContainerSpec = {
      config: { ...config, Hostname: hostname },
      hostConfig: host,
      networks: networksOf(engine, host.NetworkMode, config, request.networks),
      mounts,
      image: { id: imageId, reference: config.Image },
      platform: { os, architecture, ...(variant ? { variant } : {}) },
    };
    try {
      const command = { name: 'create', id, containerName: claimed.name, spec } as const;
      throwFailure(await askUntil(engine, 'container', id, command, asker, ['container.created', 'container.createFailed']));
    } catch (error) {
      await undo();
      throw error;
    }
    return id;
  } finally {
    claimed.release();
  }
}

function imageFor(engine: Engine, { config, platform }: CreateRequest): Entity<'image'> {
  const wanted = config.Image ?? '';
  // dockerd takes no image at all, for its builder; a container without files is of no use to anybody else.
  if (wanted === '') throw new Refused('invalid', 'no image specified');
  const image = findImage(engine.roster, wanted);
  if (!image) throw missingImage(wanted);
  const { os, architecture } = viewOf(image).context.image.config;
  if (platform && (platform.os !== os || platform.architecture !== architecture)) {
    const sentence = `image with reference ${wanted} was found but its platform (${os}/${architecture}) does not match the specified platform (${platform.os}/${platform.architecture})`;
    throw new Refused('notFound', sentence);
  }
  return image;
}

function imageMerged(asked: ContainerConfig, image: Entity<'image'>): ContainerConfig {
  const merged = mergedWithImage(asked, viewOf(image).context.image.config.config ?? {});
  const config = { ...merged, WorkingDir: merged.WorkingDir === '' ? '' : cleanPath(merged.WorkingDir) };
  if (!config.Entrypoint?.length && !config.Cmd?.length) throw new Refused('invalid', 'no command specified');
  return config;
}

/** Modes name other containers by id from here on: they may be renamed. moby: adaptSharedNamespaceContainer */
function withReferences(engine: Engine, host: HostConfig): HostConfig {
  const byId = (mode: string): string => {
    const reference = /^container:(.+)$/.exec(mode)?.[1];
    const container = reference === undefined ? null : findContainerIfAny(engine.roster, reference);
    return container ? `container:${container.id}` : mode;
  };
  return { ...host, PidMode: byId(host.PidMode), IpcMode: byId(host.IpcMode), NetworkMode: byId(host.NetworkMode) };
}

function checkLinks(engine: Engine, host: HostConfig): void {
  for (const link of host.Links ?? []) {
    const [name = ''] = link.split(':');
    if (name === '' || link.split(':').length > 2) throw new Refused('invalid', `bad format for links: ${link}`);
    const child = findContainerIfAny(engine.roster, name);
    if (!child) throw new Refused('invalid', `could not get container for ${name}: No such container: ${name}`);
    if (contextOf(findContainer(engine.roster, name)).spec.hostConfig.NetworkMode === 'host') {
      throw new Refused('invalid', `conflicting options: host type networking can't be used with links. This would result in undefined behavior`);
    }
  }
}

/** moby: daemon/container_operations.go updateContainerNetworkSettings */
function networksOf(engine: Engine, mode: string, config: ContainerConfig, asked: CreateRequest['networks']): ContainerSpec['networks'] {
  if (config.NetworkDisabled || mode.startsWith('container:')) return {};
  const networks = Object.fromEntries(Object.entries(asked).filter((entry): entry is [string, EndpointRequest] => entry[1] !== null));
  if (Object.keys(networks).length > 0) return networks;
  const id = engine.roster.entities.get(`network-${mode}`)?.id;
  const named = id === undefined ? mode : ([...engine.roster.names.network].find(([, each]) => each === id)?.[0] ?? mode);
  return { [named]: {} };
}

function networkWarnings({ NetworkMode, PortBindings }: HostConfig, { limits }: HostInfo): string[] {
  const warnings: string[] = [];
  if (!limits.ipv4Forwarding && NetworkMode !== 'host' && NetworkMode !== 'none') warnings.push('IPv4 forwarding is disabled. Networking will not work.');
  if (NetworkMode === 'host' && Object.keys(PortBindings).length > 0) warnings.push('Published ports are discarded when using host network mode');
  return warnings;
}

function platformWarnings(image: Entity<'image'>, { platform }: CreateRequest, machine: HostInfo): string[] {
  const { os, architecture } = viewOf(image).context.image.config;
  if (platform || architecture === machine.architecture) return [];
  return [
    `The requested image's platform (${os}/${architecture}) does not match the detected host platform (linux/${machine.architecture}) and no specific platform was requested`,
  ];
}
