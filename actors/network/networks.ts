// networks.ts: Linux networking: bridges, sandboxes, NAT and published ports of one daemon
import { rmSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Endpoint, NetworkRecord } from '../../events/network.ts';
import type { PortMap } from '../../events/spec.ts';
import { firstAddress } from '../../machines/network/ipam.ts';
import type { Networks, Publish, Resolver } from '../world.ts';
import { all, checkEndpoint, connect, disconnect, planAttachment, type Attachment, type Sandbox } from './attachments.ts';
import { checkNetwork, ensureBridge, ensureBridgedRules, ensureForwarding, linkExists, removeBridge, type Bridge } from './bridges.ts';
import { deleteLinks } from './commands.ts';
import { openFirewall } from './firewall.ts';
import { resolverFor } from './host-dns.ts';
import { isNamespace, openNamespaces } from './namespaces.ts';
import { instanceOf, namesOf } from './names.ts';
import { openPorts, portMap, type PortKeeper } from './ports.ts';
import { openRecords } from './records.ts';
import { render, type Redirect } from './rules.ts';
import { openSubnets } from './subnets.ts';

export interface NetworksSettings {
  readonly execRoot: string;
  /** Up to six of a-z and 0-9, another for each daemon on the host; made of the exec-root unless given. */
  readonly instance?: string;
  readonly keeper: PortKeeper;
  readonly options?: {
    /** `--iptables`: false leaves all rules to the user. */
    readonly iptables?: boolean;
    /** `--ip-forward`. */
    readonly ipForward?: boolean;
    /** `--dns`, `--dns-search`, `--dns-opt`: of containers that ask for none. */
    readonly dns?: Resolver;
  };
}

export interface LinuxNetworks extends Networks {
  /** `docker network disconnect` of a running container. */
  detach(containerId: string, networkId: string): Promise<void>;
  /** Lets go of what is only kept ready; networks and sandboxes stay. */
  close(): Promise<void>;
  /** Nothing of this daemon's is left on the host: its sandboxes, bridges, chains and files. */
  dispose(): Promise<void>;
}

/** Milliseconds after which links of closed sandboxes are deleted, should a joined container still hold the namespace. */
const sweepDelay = 2_000;

export function linuxNetworks({ execRoot, instance = instanceOf(execRoot), keeper, options = {} }: NetworksSettings): LinuxNetworks {
  const names = namesOf(instance);
  const folder = join(execRoot, 'network');
  const bridges = openRecords<Bridge>(join(folder, 'bridges'));
  const sandboxes = openRecords<Sandbox>(join(folder, 'sandboxes'));
  const namespaces = openNamespaces(join(folder, 'namespaces'), names.link);
  const subnets = openSubnets();
  const attachments = () => sandboxes.entries().flatMap(([, sandbox]) => sandbox.attachments);
  const ports = openPorts(keeper, attachments().flatMap((attachment) => attachment.ports));
  const iptables = options.iptables ?? true;
  const firewall = openFirewall(names, (missing) => render(names, bridges.entries().map(([, { network }]) => network), redirects(), missing));
  const commit = () => (iptables ? firewall.commit() : Promise.resolve());
  const lines = new Map<string, Promise<unknown>>();
  /** Bridge names given out and not made yet. */
  const proposed = new Set<string>();
  /** Links of closed sandboxes, which the kernel may not have deleted yet, by their address. */
  const closing = new Map<string, string>();
  const swept = sweep();
  swept.catch(() => undefined); // told to whoever comes first and waits for it

  /** One thing at a time for each container and each network. */
  function inLine<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = lines.get(key) ?? swept;
    const turn = before.then(work);
    const settled = turn.catch(() => undefined).then(() => {
      if (lines.get(key) === settled) lines.delete(key);
    });
    lines.set(key, settled);
    return turn;
  }

  /** What a killed daemon left: namespaces that nobody took, links of sandboxes that were closed. */
  async function sweep(): Promise<void> {
    const taken = new Set(sandboxes.entries().map(([, sandbox]) => sandbox.namespace));
    for (const path of namespaces.list()) if (!taken.has(path)) await namespaces.remove(path);
    const kept = new Set([...attachments().map(({ link }) => link), ...sandboxes.entries().map(([, { link }]) => link)]);
    await deleteLinks(ownLinks(names.link).filter((link) => !kept.has(link)));
  }

  function redirects(): Redirect[] {
    return attachments().flatMap(({ networkId, ports: published }) => {
      const bridge = bridges.get(networkId)?.network.bridge;
      return bridge === undefined ? [] : published.map((port) => ({ ...port, bridge }));
    });
  }

  async function propose(taken: readonly NetworkRecord[]) {
    const subnet = await subnets.reserve(taken.flatMap(({ ipv4 }) => (ipv4 ? [ipv4.subnet] : [])));
    const used = new Set(taken.map(({ bridge }) => bridge));
    let number = 0;
    const name = () => `${names.bridge}${number.toString(36)}`;
    while (used.has(name()) || proposed.has(name()) || linkExists(name())) number += 1;
    proposed.add(name());
    return { bridge: name(), subnet, gateway: firstAddress(subnet)! };
  }

  async function ensure(network: NetworkRecord): Promise<void> {
    if (network.driver !== 'bridge') return;
    checkNetwork(network);
    const previous = bridges.get(network.id);
    const made = previous?.made ?? (!linkExists(network.bridge) || network.bridge.startsWith(names.bridge));
    // Written down first: what a crash leaves half-made is found by it.
    bridges.set(network.id, { network, made });
    const links = attachments().filter(({ networkId, state }) => networkId === network.id && state === 'connected').map(({ link }) => link);
    await ensureBridge({ network, made }, previous, links);
    if (options.ipForward ?? true) ensureForwarding();
    if (iptables && !network.icc) await ensureBridgedRules();
    if (iptables) await firewall.repair();
    if (network.ipv4) subnets.release(network.ipv4.subnet);
    proposed.delete(network.bridge);
    namespaces.fill();
  }

  async function remove(network: NetworkRecord): Promise<void> {
    const bridge = bridges.get(network.id);
    if (network.driver !== 'bridge') return;
    await removeBridge(bridge ?? { network, made: network.bridge.startsWith(names.bridge) });
    bridges.delete(network.id);
    proposed.delete(network.bridge);
    await commit();
  }

  async function openSandbox(containerId: string): Promise<string> {
    const known = sandboxes.get(containerId);
    if (known && isNamespace(known.namespace)) return known.namespace;
    if (known) await closeSandbox(containerId); // the machine was started anew, and the exec-root was not cleared
    const { path, link } = await namespaces.take();
    sandboxes.set(containerId, { namespace: path, link, attachments: [] });
    return path;
  }

  /** Replaces what is written down of a sandbox's attachment to one network. */
  function note(containerId: string, networkId: string, attachment: Attachment | null): void {
    const sandbox = sandboxes.get(containerId)!;
    const others = sandbox.attachments.filter((other) => other.networkId !== networkId);
    sandboxes.set(containerId, { ...sandbox, attachments: attachment ? [...others, attachment] : others });
  }

  async function attach(containerId: string, containerName: string, network: NetworkRecord, endpoint: Endpoint, publish: readonly Publish[]): Promise<PortMap> {
    if (network.driver !== 'bridge') return {};
    checkEndpoint(endpoint);
    const namespace = await openSandbox(containerId);
    if (!bridges.get(network.id) || !linkExists(network.bridge)) await inLine(network.id, () => ensure(network));
    const existing = sandboxes.get(containerId)!.attachments.find(({ networkId }) => networkId === network.id);
    if (existing?.state === 'connected' && existing.address === endpoint.address && linkExists(existing.link)) {
      await ports.renew(existing.ports);
      await commit();
      return portMap(existing.ports);
    }
    if (existing) await undo(containerId, existing);
    const sandbox = sandboxes.get(containerId)!;
    const plan = planAttachment(sandbox, network, endpoint, namespaces.nextLink);
    note(containerId, network.id, plan);
    return make({ ...sandbox, namespace }, plan, { containerId, containerName, network, endpoint, publish });
  }

  async function make(
    sandbox: Sandbox, plan: Attachment,
    { containerId, containerName, network, endpoint, publish }: { containerId: string; containerName: string; network: NetworkRecord; endpoint: Endpoint; publish: readonly Publish[] },
  ): Promise<PortMap> {
    const target = { containerId, containerName, endpointId: endpoint.endpointId, address: endpoint.address, hostAddress: network.hostAddress };
    let attachment = plan;
    try {
      attachment = { ...plan, ports: await ports.publish(target, publish) };
      note(containerId, network.id, attachment);
      await all([
        clearAddress(endpoint.address), connect(sandbox, attachment, network, endpoint), attachment.ports.length > 0 ? commit() : Promise.resolve(),
      ]);
      note(containerId, network.id, { ...attachment, state: 'connected' });
      return portMap(attachment.ports);
    } catch (error) {
      await undo(containerId, attachment);
      throw error;
    }
  }

  /** The bridge would go on sending to the link that had this address before, as long as the kernel has not deleted it. */
  async function clearAddress(address: string): Promise<void> {
    const link = closing.get(address);
    closing.delete(address);
    if (link !== undefined && linkExists(link)) await deleteLinks([link]);
  }

  async function undo(containerId: string, attachment: Attachment): Promise<void> {
    await ports.unpublish(attachment.ports);
    await disconnect(attachment);
    note(containerId, attachment.networkId, null);
    if (attachment.ports.length > 0) await commit();
  }

  async function detach(containerId: string, networkId: string): Promise<void> {
    const attachment = sandboxes.get(containerId)?.attachments.find((other) => other.networkId === networkId);
    if (attachment) await undo(containerId, attachment);
  }

  async function closeSandbox(containerId: string): Promise<void> {
    const sandbox = sandboxes.get(containerId);
    const published = sandbox?.attachments.flatMap((attachment) => attachment.ports) ?? [];
    await ports.forget(containerId, published);
    if (!sandbox) return;
    await namespaces.remove(sandbox.namespace);
    for (const { address, link } of sandbox.attachments) closing.set(address, link);
    sandboxes.delete(containerId);
    setTimeout(() => void sweepClosed(), sweepDelay).unref();
    if (published.length > 0) await commit();
  }

  async function sweepClosed(): Promise<void> {
    const late = [...closing].filter(([, link]) => linkExists(link));
    closing.clear();
    await deleteLinks(late.map(([, link]) => link));
  }

  async function dispose(): Promise<void> {
    await swept;
    while (lines.size > 0) await Promise.all(lines.values());
    await namespaces.close();
    for (const [id] of sandboxes.entries()) await closeSandbox(id);
    await deleteLinks(ownLinks(names.link));
    for (const [, bridge] of bridges.entries()) await removeBridge(bridge);
    await deleteLinks(ownLinks(names.bridge));
    if (iptables) await firewall.remove();
    for (const path of namespaces.list()) await namespaces.remove(path);
    rmSync(folder, { recursive: true, force: true });
  }

  return {
    propose,
    ensure: (network) => inLine(network.id, () => ensure(network)),
    remove: (network) => inLine(network.id, () => remove(network)),
    openSandbox: (id) => inLine(id, () => openSandbox(id)),
    attach: (id, name, network, endpoint, publish) => inLine(id, () => attach(id, name, network, endpoint, publish)),
    detach: (id, networkId) => inLine(id, () => detach(id, networkId)),
    closeSandbox: (id) => inLine(id, () => closeSandbox(id)),
    resolver: (wanted, inHostsNetwork) => resolverFor(wanted, options.dns, inHostsNetwork),
    sandboxes: () => Promise.resolve(sandboxes.entries().map(([id]) => id)),
    close: async () => {
      await swept;
      await namespaces.close();
    },
    dispose,
  };
}

const ownLinks = (prefix: string): string[] => readdirSync('/sys/class/net').filter((link) => link.startsWith(prefix));

export type { PortKeeper } from './ports.ts';
