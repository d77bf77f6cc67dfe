// ports.ts: which host ports are published, and how one is chosen
import { existsSync, readFileSync } from 'node:fs';
import type { PortMap } from '../../events/spec.ts';
import type { Keeper, ProxiedPort } from '../stdio/keeper-client.ts';
import { WorldFailure, type Publish } from '../world.ts';

/** What is asked of the keeper: its listening socket is the port's reservation, and the way in for 127.0.0.1 and ::1. */
export type PortKeeper = Pick<Keeper, 'publish' | 'unpublish' | 'published'>;

export type PublishedPort = Omit<ProxiedPort, 'protocol'> & { readonly protocol: Publish['protocol'] };

export interface Target {
  readonly containerId: string;
  readonly containerName: string;
  readonly endpointId: string;
  readonly address: string;
  /** The network's, for bindings that name none. */
  readonly hostAddress: string;
}

export interface Ports {
  /** All or none. Asked again after a crash it gives the same ports. */
  publish(target: Target, wanted: readonly Publish[]): Promise<PublishedPort[]>;
  /** The keeper holds these again, should it have lost them. */
  renew(ports: readonly PublishedPort[]): Promise<void>;
  unpublish(ports: readonly PublishedPort[]): Promise<void>;
  /** Ends those of this container too that a crash kept from being written down. */
  forget(containerId: string, ports: readonly PublishedPort[]): Promise<void>;
}

/** One binding of one container port: which addresses have to get the same number. */
interface Request {
  readonly key: string;
  readonly protocol: Publish['protocol'];
  readonly hostIps: readonly string[];
  readonly hostPort: string;
  readonly targetPort: number;
}

/** A number that cannot be had. `ours`: one of our own containers has it. */
type Taken = { readonly taken: 'ours' | 'others'; readonly hostIp: string; readonly hostPort: number };

export function openPorts(keeper: PortKeeper, known: readonly PublishedPort[]): Ports {
  /** By key. */
  const claims = new Map(known.map((port) => [port.key, port]));
  let orphans: Promise<Map<string, ProxiedPort>> | null = null;
  let cursor = 0;

  /** Ports that the keeper holds and no record tells of: a daemon was killed between the two. */
  const findOrphans = () => (orphans ??= keeper.published().then(
    (all) => new Map(all.filter((port) => !claims.has(port.key)).map((port) => [port.key, port]))));

  const isClaimed = (protocol: string, hostIp: string, hostPort: number) =>
    [...claims.values()].some((port) => port.hostPort === hostPort && port.protocol === protocol && meet(port.hostIp, hostIp));

  async function release(ports: readonly PublishedPort[]): Promise<void> {
    await Promise.all(ports.map(({ key, protocol }) => (protocol === 'sctp' ? undefined : keeper.unpublish(key))));
    for (const { key } of ports) claims.delete(key);
  }

  /** Tries one number on all addresses of a request. */
  async function claim(target: Target, request: Request, hostPort: number): Promise<PublishedPort[] | Taken> {
    const { protocol, targetPort } = request;
    const blocked = request.hostIps.find((hostIp) => isClaimed(protocol, hostIp, hostPort));
    if (blocked !== undefined) return { taken: 'ours', hostIp: blocked, hostPort };
    const ports = request.hostIps.map((hostIp): PublishedPort => ({
      key: `${request.key}/${hostIp}`, protocol, hostIp, hostPort, targetIp: target.address, targetPort,
    }));
    for (const port of ports) claims.set(port.key, port);
    const held: PublishedPort[] = [];
    for (const port of ports) {
      try {
        await hold(port);
        held.push(port);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        claims.delete(port.key);
        if (port.hostIp === '::' && held.length > 0 && code !== 'EADDRINUSE') continue; // no IPv6 here
        await release(ports);
        if (code === 'EADDRINUSE') return { taken: 'others', hostIp: port.hostIp, hostPort };
        throw failure(target, `failed to bind host port for ${shown(port.hostIp)}:${hostPort}:${target.address}:${targetPort}/${protocol}: ${reason(error)}`, 'other');
      }
    }
    return held;
  }

  async function hold({ protocol, ...port }: PublishedPort): Promise<void> {
    if (protocol !== 'sctp') await keeper.publish({ ...port, protocol });
  }

  function* candidates(request: Request, before: number | undefined): Generator<number> {
    if (before !== undefined) yield before;
    const [first, last, isAny] = rangeOf(request.hostPort);
    const count = last - first + 1;
    const start = isAny ? cursor % count : 0;
    for (let step = 0; step < count; step += 1) {
      if (isAny) cursor = (start + step + 1) % count;
      yield first + ((start + step) % count);
    }
  }

  async function satisfy(target: Target, request: Request): Promise<PublishedPort[]> {
    const before = await findOrphans().then((all) => request.hostIps.map((hostIp) => all.get(`${request.key}/${hostIp}`)?.hostPort));
    let last: Taken | null = null;
    for (const hostPort of candidates(request, before.find((port) => port !== undefined))) {
      const outcome = await claim(target, request, hostPort);
      if (!('taken' in outcome)) return outcome;
      last = outcome;
    }
    throw inUse(target, request, last);
  }

  return {
    publish: async (target, wanted) => {
      const published: PublishedPort[] = [];
      try {
        for (const request of requestsOf(target, wanted)) published.push(...(await satisfy(target, request)));
      } catch (error) {
        await release(published);
        throw error;
      }
      return published;
    },
    renew: async (ports) => {
      for (const port of ports) claims.set(port.key, port);
      await Promise.all(ports.map(hold));
    },
    unpublish: release,
    forget: async (containerId, ports) => {
      const all = await findOrphans();
      const lost = [...all.values()].filter(({ key }) => key.startsWith(`${containerId}/`));
      for (const { key } of lost) all.delete(key);
      await release([...ports, ...lost]);
    },
  };
}

/** As the API shows it. */
export function portMap(ports: readonly PublishedPort[]): PortMap {
  const map: PortMap = {};
  for (const { targetPort, protocol, hostIp, hostPort } of ports) {
    (map[`${targetPort}/${protocol}`] ??= []).push({ HostIp: hostIp, HostPort: String(hostPort) });
  }
  return map;
}

function requestsOf({ containerId, hostAddress }: Target, wanted: readonly Publish[]): Request[] {
  return wanted.flatMap(({ containerPort, protocol, bindings }) => bindings.map(({ HostIp, HostPort }, index): Request => ({
    key: `${containerId}/${containerPort}/${protocol}/${index}`,
    protocol,
    hostIps: hostIps(HostIp, hostAddress),
    hostPort: HostPort,
    targetPort: containerPort,
  })));
}

/** No address means all: two bindings, as Docker makes them. */
function hostIps(asked: string, byNetwork: string): string[] {
  const hostIp = asked.replace(/^\[(.*)\]$/, '$1') || byNetwork;
  const all = asked === '' && (hostIp === '0.0.0.0' || hostIp === '');
  return all ? (existsSync('/proc/net/if_inet6') ? ['0.0.0.0', '::'] : ['0.0.0.0']) : [hostIp];
}

/** First, last, and whether the user left the choice to us. */
function rangeOf(hostPort: string): [number, number, boolean] {
  if (hostPort === '' || hostPort === '0') return [...ephemeralRange(), true];
  const [first, last = first] = hostPort.split('-').map(Number);
  return [first!, last!, false];
}

/** The kernel's own range for such ports, as Docker takes it. */
function ephemeralRange(): [number, number] {
  const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
  return [first!, last!];
}

/** The two addresses of one family cannot have the same port. */
const meet = (one: string, other: string): boolean =>
  one.includes(':') === other.includes(':') && (one === other || [one, other].some((ip) => ip === '0.0.0.0' || ip === '::'));

const shown = (hostIp: string): string => (hostIp.includes(':') ? `[${hostIp}]` : hostIp);
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** moby: libnetwork/drivers/bridge/port_mapping_linux.go, libnetwork/portallocator. */
function inUse(target: Target, request: Request, last: Taken | null): WorldFailure {
  if (!last || request.hostPort === '' || request.hostPort.includes('-')) return failure(target, 'all ports are allocated');
  const bind = `${shown(last.hostIp)}:${last.hostPort}`;
  if (last.taken === 'ours') return failure(target, `Bind for ${bind} failed: port is already allocated`);
  return failure(target, `failed to bind host port for ${bind}:${target.address}:${request.targetPort}/${request.protocol}: address already in use`);
}

const failure = ({ containerName, endpointId }: Target, why: string, kind: 'portInUse' | 'other' = 'portInUse'): WorldFailure =>
  new WorldFailure(kind, `driver failed programming external connectivity on endpoint ${containerName} (${endpointId}): ${why}`);
