// attachments.ts: a sandbox's link to a bridge, made and unmade
import type { Endpoint, NetworkRecord } from '../../events/network.ts';
import { parseAddress } from '../../machines/network/ipam.ts';
import { WorldFailure } from '../world.ts';
import { linkExists, portLine } from './bridges.ts';
import { deleteLinks, ip, ipWithin } from './commands.ts';
import type { PublishedPort } from './ports.ts';

export interface Attachment {
  readonly networkId: string;
  /** Name of the link inside: `eth0`. */
  readonly inside: string;
  /** Name of its other end on the host. */
  readonly link: string;
  readonly address: string;
  /** The network's gateway is the sandbox's way out. */
  readonly routed: boolean;
  /** `connecting`: a crash may have left anything between nothing and all of it. */
  readonly state: 'connecting' | 'connected';
  readonly ports: readonly PublishedPort[];
}

/** What a restarted daemon has to know of a container's sandbox. */
export interface Sandbox {
  readonly namespace: string;
  /** The host's end of the `eth0` that the namespace came with. */
  readonly link: string;
  readonly attachments: readonly Attachment[];
}

/** Refuses what would end up as part of a command without being what it should. */
export function checkEndpoint({ address, mac, prefixLength }: Endpoint): void {
  const wrong = parseAddress(address) === null ? `address ${address}`
    : !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac) ? `MAC address ${mac}`
    : !Number.isInteger(prefixLength) || prefixLength < 1 || prefixLength > 32 ? `prefix length ${prefixLength}`
    : null;
  if (wrong !== null) throw new WorldFailure('invalid', `invalid ${wrong}`);
}

/** Chooses the links of a new attachment: the `eth0` that the namespace came with, if it is unused. */
export function planAttachment(sandbox: Sandbox, network: NetworkRecord, endpoint: Endpoint, nextLink: () => string): Attachment {
  const used = new Set(sandbox.attachments.map(({ inside }) => inside));
  let number = 0;
  while (used.has(`eth${number}`)) number += 1;
  const link = number === 0 && linkExists(sandbox.link) ? sandbox.link : nextLink();
  const routed = !network.internal && !sandbox.attachments.some((other) => other.routed);
  return { networkId: network.id, inside: `eth${number}`, link, address: endpoint.address, routed, state: 'connecting', ports: [] };
}

/** Addresses the link inside and makes the one outside a port of the bridge. */
export async function connect(sandbox: Sandbox, attachment: Attachment, network: NetworkRecord, endpoint: Endpoint): Promise<void> {
  const { inside, link, routed } = attachment;
  const outer = [portLine(link, network.bridge, network.mtu)];
  const inner = [
    `addr replace ${endpoint.address}/${endpoint.prefixLength} broadcast + dev ${inside}`,
    `link set dev ${inside} address ${endpoint.mac} mtu ${network.mtu} up`,
    ...(routed ? [`route replace default via ${network.ipv4!.gateway} dev ${inside}`] : []),
  ];
  if (linkExists(link)) {
    await all([ip(outer), ipWithin(sandbox.namespace, inner)]);
    return;
  }
  await ip([`link add name ${link} type veth peer name ${inside} netns ${sandbox.namespace}`, ...outer]);
  await ipWithin(sandbox.namespace, [`link set dev ${inside} addrgenmode none`, ...inner]);
}

export const disconnect = ({ link }: Attachment): Promise<void> => deleteLinks(linkExists(link) ? [link] : []);

/** Waits for all, so that nothing of a failed whole goes on behind the caller's back. */
export async function all(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}
