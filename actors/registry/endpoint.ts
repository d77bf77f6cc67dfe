// endpoint.ts: where the registry of a name is asked: mirrors first, and plain HTTP only where that is allowed
import { BlockList, isIP } from 'node:net';
import { defaultDomain } from './reference.ts';

export interface Endpoint {
  /** `https://registry-1.docker.io`. */
  readonly base: string;
  readonly mirror: boolean;
  /** Its certificate is not looked at. */
  readonly trusted: boolean;
}

export interface RegistryOptions {
  /** dockerd's `registry-mirrors`: base URLs of mirrors of Docker Hub. */
  readonly mirrors?: readonly string[];
  /** dockerd's `insecure-registries`: hosts with port, or CIDR ranges. */
  readonly insecure?: readonly string[];
  /** `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`; null: no proxy. */
  readonly proxies?: Readonly<Record<string, string | undefined>> | null;
  /** Between attempts it grows by this much each time. */
  readonly retryDelayMs?: number;
}

const hub = 'https://registry-1.docker.io';
const loopback = ['127.0.0.0/8', '::1/128'];

const listOf = (ranges: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits = ''] = range.split('/');
    if (isIP(address) !== 0 && /^\d+$/.test(bits)) list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
};

/** `localhost`, `127.0.0.1`, `[::1]`. */
export const isLoopback = (hostname: string): boolean => {
  const host = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  return host === 'localhost' || (family !== 0 && listOf(loopback).check(host, family === 6 ? 'ipv6' : 'ipv4'));
};

const isInsecure = (domain: string, insecure: readonly string[]): boolean => {
  const host = domain.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (host === 'localhost' || insecure.includes(domain) || insecure.includes(host)) return true;
  const family = isIP(host);
  return family !== 0 && listOf([...loopback, ...insecure]).check(host, family === 6 ? 'ipv6' : 'ipv4');
};

/** In the order in which they are tried. moby: registry/service_v2.go */
export const endpointsOf = (domain: string, options: RegistryOptions): Endpoint[] => {
  const insecure = options.insecure ?? [];
  if (domain === defaultDomain) {
    const mirrors = (options.mirrors ?? []).map((mirror) => mirror.replace(/\/+$/, ''));
    return [
      ...mirrors.map((base) => ({ base, mirror: true, trusted: isInsecure(new URL(base).host, insecure) })),
      { base: hub, mirror: false, trusted: false },
    ];
  }
  const trusted = isInsecure(domain, insecure);
  const secure = { base: `https://${domain}`, mirror: false, trusted };
  return trusted ? [secure, { ...secure, base: `http://${domain}` }] : [secure];
};
