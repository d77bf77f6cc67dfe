// container-network.ts: what is told of a container's networks and ports
import type { EndpointRequest, PortMap } from '../../../events/spec.ts';
import type { Endpoint, NetworkRecord } from '../../../events/network.ts';
import { contextOf, type Container } from '../../../actors/operations/find-container.ts';
import { get, viewOf, type Roster } from '../../../actors/roster.ts';

export interface EndpointSettings {
  readonly IPAMConfig: EndpointRequest['IPAMConfig'] | null;
  readonly Links: string[] | null;
  readonly Aliases: string[] | null;
  readonly MacAddress: string;
  readonly DriverOpts: Record<string, string> | null;
  readonly GwPriority?: number;
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly DNSNames?: string[] | null;
}

interface Lease {
  readonly network: NetworkRecord | null;
  readonly endpoint: Endpoint | null;
}

/** `default` stands for the default bridge. */
function leaseOf(roster: Roster, container: Container, name: string): Lease {
  const id = roster.names.network.get(name === 'default' ? 'bridge' : name) ?? name;
  const entity = get(roster, 'network', id);
  if (!entity) return { network: null, endpoint: null };
  const { network, endpoints } = viewOf(entity).context;
  return { network, endpoint: endpoints[container.id] ?? null };
}

/** All that `networksOf` takes from elsewhere than the container itself. */
export const leasesOf = (roster: Roster, container: Container): unknown[] =>
  Object.keys(contextOf(container).spec.networks).flatMap((name) => {
    const { network, endpoint } = leaseOf(roster, container, name);
    return [network, endpoint];
  });

const wished = (request: EndpointRequest, brief: boolean) => ({
  IPAMConfig: request.IPAMConfig ?? null,
  Links: brief ? null : (request.Links ?? null),
  Aliases: brief ? null : (request.Aliases ?? null),
  MacAddress: request.MacAddress ?? '',
  DriverOpts: brief ? null : (request.DriverOpts ?? null),
});

const namesOfNone: readonly string[] = ['bridge', 'host', 'none', 'default'];

/** Names by which others find it: only in networks of users. moby: buildEndpointDNSNames */
function dnsNames(container: Container, network: string, aliases: readonly string[]): string[] | null {
  if (namesOfNone.includes(network)) return null;
  const { name, id, spec } = contextOf(container);
  return [...new Set([name, ...aliases, id.slice(0, 12), spec.config.Hostname])];
}

function settings(roster: Roster, container: Container, name: string, request: EndpointRequest, version: number, brief: boolean): EndpointSettings {
  const { network, endpoint } = leaseOf(roster, container, name);
  const wish = wished(request, brief);
  const address = endpoint?.address ?? '';
  return {
    ...wish,
    MacAddress: endpoint?.mac || wish.MacAddress,
    ...(version >= 48 ? { GwPriority: request.GwPriority ?? 0 } : {}),
    NetworkID: network?.id ?? '',
    EndpointID: endpoint?.endpointId ?? '',
    Gateway: address === '' ? '' : (network?.ipv4?.gateway ?? ''),
    IPAddress: address,
    IPPrefixLen: endpoint?.prefixLength ?? 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    ...(version >= 44 ? { DNSNames: brief ? null : dnsNames(container, name, request.Aliases ?? []) } : {}),
  };
}

/** `brief`: as lists have it. */
export function networksOf(roster: Roster, container: Container, version: number, brief: boolean): Record<string, EndpointSettings> {
  const networks: Record<string, EndpointSettings> = {};
  for (const [asked, request] of Object.entries(contextOf(container).spec.networks)) {
    const name = asked === 'default' ? 'bridge' : asked;
    const found = settings(roster, container, name, request, version, brief);
    // Up to 1.44 the short id and the hostname were told as aliases (moby: api/server/router/container/inspect.go).
    const names = !brief && version < 45 && !namesOfNone.includes(name) ? [...new Set([...(found.Aliases ?? []), ...(dnsNames(container, name, []) ?? []).slice(1)])] : found.Aliases;
    networks[name] = { ...found, Aliases: names };
  }
  return networks;
}

const live: ReadonlySet<string> = new Set(['running', 'signalling', 'pausing', 'paused', 'resuming', 'updating', 'stopping']);
const none: PortMap = {};

/** Ports of the run: those published, and with null those that are only exposed. */
export function portsOf(container: Container): PortMap {
  if (!live.has(container.snapshot.value)) return none;
  const { run, spec } = contextOf(container);
  const mode = spec.hostConfig.NetworkMode;
  if (mode === 'host' || mode === 'none' || mode.startsWith('container:')) return none;
  const exposed = spec.config.ExposedPorts;
  return exposed ? { ...Object.fromEntries(Object.keys(exposed).map((port) => [port, null])), ...run.ports } : run.ports;
}

export interface ListedPort {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

export function listedPorts(ports: PortMap): ListedPort[] {
  const listed: ListedPort[] = [];
  for (const [port, bindings] of Object.entries(ports)) {
    const [number = '', Type = 'tcp'] = port.split('/');
    const PrivatePort = Number(number);
    if (!bindings?.length) listed.push({ PrivatePort, Type });
    for (const { HostIp, HostPort } of bindings ?? []) listed.push({ IP: HostIp, PrivatePort, PublicPort: Number(HostPort), Type });
  }
  return listed;
}
