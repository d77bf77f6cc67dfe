// subnets.ts: a subnet that nobody on this host uses, also not another daemon that is looking for one right now
import { createServer, type Server } from 'node:net';
import { formatAddress, overlaps, parseAddress } from '../../machines/network/ipam.ts';
import { WorldFailure } from '../world.ts';
import { run } from './commands.ts';
import { hostNameservers } from './host-dns.ts';

/** Docker's default address pools: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in sixteen parts. */
export const pools: readonly string[] = [
  ...Array.from({ length: 15 }, (_, index) => `172.${17 + index}.0.0/16`),
  ...Array.from({ length: 16 }, (_, index) => `${formatAddress(parseAddress('192.168.0.0')! + index * 4096)}/20`),
];

/** Milliseconds for which a proposed subnet is kept from other daemons; after that its bridge is expected to be there. */
const reservationMs = 60_000;

export interface Subnets {
  /** One of the pools that overlaps neither `taken` nor anything on the host; kept from others until released or for a minute. */
  reserve(taken: readonly string[]): Promise<string>;
  release(subnet: string): void;
}

export function openSubnets(occupied: () => Promise<string[]> = occupiedSubnets): Subnets {
  const held = new Map<string, Server>();

  function release(subnet: string): void {
    held.get(subnet)?.close();
    held.delete(subnet);
  }

  async function attempt(subnet: string): Promise<boolean> {
    if (held.has(subnet)) return false;
    const server = await reservation(subnet);
    if (!server) return false;
    held.set(subnet, server);
    setTimeout(() => release(subnet), reservationMs).unref();
    // Whoever had it reserved until now may have made its bridge meanwhile.
    if (isFree(subnet, await occupied())) return true;
    release(subnet);
    return false;
  }

  return {
    release,
    reserve: async (taken) => {
      const used = [...taken, ...(await occupied())];
      for (const subnet of pools) if (isFree(subnet, used) && (await attempt(subnet))) return subnet;
      throw new WorldFailure('other', 'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network');
    },
  };
}

const isFree = (subnet: string, used: readonly string[]): boolean => !used.some((other) => overlaps(subnet, other));

/**
 * An abstract unix socket as a lock: the kernel lets go of it when the process ends, however it ends, and its names are as wide
 * as the subnets are, one network namespace. Null: somebody else has it.
 */
function reservation(subnet: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)));
    server.listen(`\0tallyd-subnet-${subnet}`, () => resolve(server.unref()));
  });
}

interface Address { addr_info?: { local?: string; prefixlen?: number }[] }
interface Route { dst?: string }

/** Subnets of all addresses and routes of the host, and its nameservers: a network over one of those would cut it off. */
async function occupiedSubnets(): Promise<string[]> {
  const printed = await run('ip', ['-j', '-4', '-batch', '-'], 'addr show\nroute show table all\n');
  const [addresses, routes] = printed.trim().split('\n').map((line) => JSON.parse(line) as unknown) as [Address[]?, Route[]?];
  const ofLinks = (addresses ?? []).flatMap((link) => link.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  const ofRoutes = (routes ?? []).map(({ dst }) => dst ?? '').filter((dst) => /^\d/.test(dst) && !dst.startsWith('0.0.0.0'));
  return [...ofLinks, ...ofRoutes, ...hostNameservers()].map((text) => (text.includes('/') ? text : `${text}/32`));
}
