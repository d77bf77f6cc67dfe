// bridges.ts: the Linux bridge of a network, with the host's address on it
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { NetworkRecord } from '../../events/network.ts';
import { contains, macFor, parseAddress, parseSubnet } from '../../machines/network/ipam.ts';
import { WorldFailure } from '../world.ts';
import { deleteLinks, ip, run } from './commands.ts';

/** What a restarted daemon has to know of a network. */
export interface Bridge {
  readonly network: NetworkRecord;
  /** The bridge was made by us, so it goes with the network. */
  readonly made: boolean;
}

export const linkExists = (link: string): boolean => existsSync(`/sys/class/net/${link}`);

/** Refuses what would end up as part of a command or a rule without being what it should. */
export function checkNetwork({ bridge, ipv4, mtu }: NetworkRecord): void {
  const wrong = !/^[A-Za-z0-9][\w.-]{0,14}$/.test(bridge) ? `bridge name ${bridge}`
    : !ipv4 || !parseSubnet(ipv4.subnet) ? `subnet ${ipv4?.subnet}`
    : parseAddress(ipv4.gateway) === null || !contains(ipv4.subnet, ipv4.gateway) ? `gateway ${ipv4.gateway}`
    : !Number.isInteger(mtu) || mtu < 68 ? `MTU ${mtu}`
    : null;
  if (wrong !== null) throw new WorldFailure('invalid', `invalid ${wrong}`);
}

/** The bridge is there and up, has its address, and `links` are its ports. */
export async function ensureBridge({ network }: Bridge, previous: Bridge | undefined, links: readonly string[]): Promise<void> {
  const { bridge, mtu, ipv4 } = network;
  const address = addressOf(network);
  const old = previous && linkExists(bridge) && addressOf(previous.network) !== address ? addressOf(previous.network) : null;
  await ip([
    // An address of its own, or it would take that of a port, and change it as ports come and go.
    ...(linkExists(bridge) ? [] : [`link add name ${bridge} address ${macFor(ipv4!.gateway)} type bridge`]),
    ...(old === null ? [] : [`addr del ${old} dev ${bridge}`]),
    `link set dev ${bridge} mtu ${mtu} addrgenmode none`,
    `addr replace ${address} broadcast + dev ${bridge}`,
    `link set dev ${bridge} up`,
    ...links.filter((link) => linkExists(link) && masterOf(link) !== bridge).map((link) => portLine(link, bridge, mtu)),
  ]);
}

/** Makes a host's link a port of the bridge. */
export const portLine = (link: string, bridge: string, mtu: number): string => `link set dev ${link} master ${bridge} mtu ${mtu} addrgenmode none up`;

export async function removeBridge({ network, made }: Bridge): Promise<void> {
  if (made && linkExists(network.bridge)) await deleteLinks([network.bridge]);
}

/** The kernel passes packets on between links. */
export const ensureForwarding = (): void => setSysctl('/proc/sys/net/ipv4/ip_forward', '1');

/** What goes between two ports of a bridge is shown to iptables too: for networks with icc off. */
export async function ensureBridgedRules(): Promise<void> {
  const bridged = '/proc/sys/net/bridge/bridge-nf-call-iptables';
  if (!existsSync(bridged)) await run('modprobe', ['br_netfilter']);
  setSysctl(bridged, '1');
}

function setSysctl(path: string, value: string): void {
  if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
}

const addressOf = ({ ipv4 }: NetworkRecord): string => `${ipv4!.gateway}/${parseSubnet(ipv4!.subnet)!.prefixLength}`;

/** Null: a port of no bridge. */
function masterOf(link: string): string | null {
  try {
    return basename(readlinkSync(`/sys/class/net/${link}/master`));
  } catch {
    return null;
  }
}
