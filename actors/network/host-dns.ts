// host-dns.ts: whom containers may ask for names, out of the host's /etc/resolv.conf
import { readFileSync } from 'node:fs';
import type { Resolver } from '../world.ts';

export interface ResolvConf {
  servers: string[];
  search: string[];
  options: string[];
}

/** systemd-resolved answers on 127.0.0.53, out of a container's reach; whom it asks itself is in its own file. */
const files = { host: '/etc/resolv.conf', resolved: '/run/systemd/resolve/resolv.conf' };
/** Docker's way out when the host names nobody that a container could reach. */
const fallback = ['8.8.8.8', '8.8.4.4'];

export function parseResolvConf(text: string): ResolvConf {
  const found: ResolvConf = { servers: [], search: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.replace(/[#;].*$/, '').trim().split(/\s+/);
    if (keyword === 'nameserver' && values[0]) found.servers.push(values[0]);
    // The last of several wins: resolv.conf(5).
    if (keyword === 'search' || keyword === 'domain') found.search = values.filter((domain) => domain !== '.');
    if (keyword === 'options') found.options.push(...values);
  }
  return found;
}

/** For containers: nameservers on a loopback are dropped, and those with IPv6 addresses, which our networks do not carry. */
export function hostDns(paths = files): ResolvConf {
  const host = read(paths.host);
  const behindResolved = host.servers.length > 0 && host.servers.every((server) => server === '127.0.0.53');
  const asked = behindResolved ? read(paths.resolved) : host;
  const servers = asked.servers.filter((server) => !server.includes(':') && !server.startsWith('127.'));
  return { ...asked, servers: servers.length > 0 ? servers : [...fallback] };
}

/** Each of the three is the container's, or the daemon's, or the host's. moby: daemon/container_operations_unix.go setupDNS */
export function resolverFor(wanted: Resolver, ofDaemon: Resolver = { servers: [], search: [], options: [] }, inHostsNetwork = false): Resolver | null {
  const asked = (key: keyof Resolver) => (wanted[key].length > 0 ? wanted[key] : ofDaemon[key]);
  const servers = asked('servers');
  const search = asked('search');
  const options = asked('options');
  if (inHostsNetwork && servers.length + search.length + options.length === 0) return null;
  const host = inHostsNetwork ? read(files.host) : hostDns();
  return {
    servers: servers.length > 0 ? servers : host.servers,
    // `--dns-search .` asks for none.
    search: (search.length > 0 ? search : host.search).filter((domain) => domain !== '.'),
    options: options.length > 0 ? options : host.options,
  };
}

/** All IPv4 nameservers that the host itself uses. */
export const hostNameservers = (path = files.host): string[] => read(path).servers.filter((server) => !server.includes(':'));

/** A host without the file has no nameservers. */
function read(path: string): ResolvConf {
  try {
    return parseResolvConf(readFileSync(path, 'utf8'));
  } catch {
    return parseResolvConf('');
  }
}
