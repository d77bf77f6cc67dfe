// host-dns.ts: whom containers may ask for names, out of the host's /etc/resolv.conf
import { readFileSync } from 'node:fs';

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
