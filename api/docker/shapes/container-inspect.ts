// container-inspect.ts: a container as `docker inspect` is told of it
import type { ContainerConfig, HostConfig } from '../../../events/spec.ts';
import { healthResults } from '../../../actors/health-results.ts';
import { contextOf, findContainerIfAny, type Container } from '../../../actors/operations/find-container.ts';
import type { Roster } from '../../../actors/roster.ts';
import { booleans } from '../../../machines/container/status.ts';
import { networksOf, portsOf } from './container-network.ts';
import { shownMount } from './container-mount.ts';
import { healthOf, statusOf } from './container-status.ts';
import type { Places } from './places.ts';

export interface Inspection {
  readonly roster: Roster;
  readonly places: Places;
  readonly version: number;
}

function healthState(container: Container) {
  const Status = healthOf(container);
  if (Status === 'none') return {};
  const { streak, log } = healthResults(container);
  return { Health: { Status, FailingStreak: streak, Log: log } };
}

function state(container: Container) {
  const { run } = contextOf(container);
  const Status = statusOf(container);
  return {
    Status,
    ...(({ Running, Paused, Restarting }) => ({ Running, Paused, Restarting }))(booleans(Status)),
    OOMKilled: run.oomKilled,
    Dead: Status === 'dead',
    Pid: run.pid,
    ExitCode: run.exitCode,
    Error: run.failure?.message ?? '',
    StartedAt: run.startedAt,
    FinishedAt: run.finishedAt,
    ...healthState(container),
  };
}

/** Fields in the order in which dockerd has them; what is not of Linux is empty. */
function shownHost(host: HostConfig, links: string[] | null, version: number) {
  const { MaskedPaths, ReadonlyPaths, Mounts, Init, Annotations, ...rest } = host;
  return {
    ...rest,
    ...(version >= 43 && Annotations ? { Annotations } : {}),
    Links: links,
    BlkioWeightDevice: rest.BlkioWeightDevice ?? [],
    BlkioDeviceReadBps: rest.BlkioDeviceReadBps ?? [],
    BlkioDeviceWriteBps: rest.BlkioDeviceWriteBps ?? [],
    BlkioDeviceReadIOps: rest.BlkioDeviceReadIOps ?? [],
    BlkioDeviceWriteIOps: rest.BlkioDeviceWriteIOps ?? [],
    Devices: rest.Devices ?? [],
    Ulimits: rest.Ulimits ?? [],
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
    ...(Mounts ? { Mounts } : {}),
    MaskedPaths,
    ReadonlyPaths,
    ...(Init === undefined || Init === null ? {} : { Init }),
  };
}

/** `/db:/web/db`: whole names, with who links. moby: getInspectData */
function links(roster: Roster, container: Container): string[] | null {
  const { name, spec } = contextOf(container);
  const asked = spec.hostConfig.Links;
  if (!asked?.length) return null;
  return asked.map((link) => {
    const [child = '', alias = child] = link.split(':');
    const found = findContainerIfAny(roster, child);
    return `/${found ? contextOf(found).name : child}:/${name}/${alias.replace(/^\//, '')}`;
  });
}

const takesMac = (mode: string) => !['host', 'none'].includes(mode) && !mode.startsWith('container:');

/** Older clients look for the address of the main network here. moby: getInspectData */
function shownConfig(config: ContainerConfig, container: Container): ContainerConfig {
  const { spec } = contextOf(container);
  const mode = spec.hostConfig.NetworkMode;
  const mac = config.MacAddress || (takesMac(mode) ? spec.networks[mode]?.MacAddress : undefined);
  return mac ? { ...config, MacAddress: mac } : config;
}

function networkSettings(roster: Roster, container: Container, version: number) {
  const Networks = networksOf(roster, container, version, false);
  const main = Networks.bridge;
  const attached = Object.values(Networks).some(({ EndpointID }) => EndpointID !== '');
  return {
    Bridge: '',
    SandboxID: attached ? container.id : '',
    SandboxKey: '',
    Ports: portsOf(container),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: main?.EndpointID ?? '',
    Gateway: main?.Gateway ?? '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: main?.IPAddress ?? '',
    IPPrefixLen: main?.IPPrefixLen ?? 0,
    IPv6Gateway: '',
    MacAddress: main?.MacAddress ?? '',
    Networks,
  };
}

const execIds = (container: Container): string[] | null => {
  const ids = [...container.parts.entries()].filter(([key, part]) => key.startsWith('exec/') && part.snapshot.value !== 'ended').map(([key]) => key.slice('exec/'.length));
  return ids.length > 0 ? ids : null;
};

export function inspected({ roster, places, version }: Inspection, container: Container, size: { readWrite: number; rootFs: number } | null) {
  const { id, name, createdAt, run, spec } = contextOf(container);
  const [Path = '', ...Args] = [...(spec.config.Entrypoint ?? []), ...(spec.config.Cmd ?? [])];
  const file = (each: string) => `${places.dataRoot}/containers/${id}/${each}`;
  return {
    Id: id,
    Created: createdAt,
    Path,
    Args,
    State: state(container),
    Image: spec.image.id,
    ResolvConfPath: file('resolv.conf'),
    HostnamePath: file('hostname'),
    HostsPath: file('hosts'),
    LogPath: places.log(id, spec),
    Name: `/${name}`,
    RestartCount: run.restartCount,
    Driver: 'overlayfs',
    Platform: spec.platform.os,
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds(container),
    HostConfig: shownHost(spec.hostConfig, links(roster, container), version),
    GraphDriver: { Data: {}, Name: 'overlayfs' },
    ...(size ? { SizeRw: size.readWrite, SizeRootFs: size.rootFs } : {}),
    Mounts: spec.mounts.map((mount) => shownMount(mount, places)),
    Config: shownConfig(spec.config, container),
    NetworkSettings: networkSettings(roster, container, version),
  };
}
