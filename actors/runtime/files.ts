// files.ts: /etc/hosts, /etc/hostname and /etc/resolv.conf of a container, made in its folder and mounted into it
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from '../world.ts';

const names = ['hostname', 'hosts', 'resolv.conf'] as const;

/** Standard lines of /etc/hosts, as moby's libnetwork/etchosts has them. */
const standardHosts = [
  ['127.0.0.1', 'localhost'],
  ['::1', 'localhost ip6-localhost ip6-loopback'],
  ['fe00::', 'ip6-localnet'],
  ['ff00::', 'ip6-mcastprefix'],
  ['ff02::1', 'ip6-allnodes'],
  ['ff02::2', 'ip6-allrouters'],
];

/**
 * Writes the files and gives their host paths by destination. A container in another's network has that one's files,
 * one in the host's network starts from copies of the host's.
 */
export function writeFiles(folder: string, run: Pick<Run, 'spec' | 'hosts' | 'dns'>): Record<string, string> {
  const mode = run.spec.hostConfig.NetworkMode;
  const lender = mode.startsWith('container:') ? join(folder, '..', mode.slice('container:'.length)) : null;
  if (lender && names.every((name) => existsSync(join(lender, name)))) return destinations(lender);
  mkdirSync(folder, { recursive: true, mode: 0o710 });
  write(folder, 'hostname', `${run.spec.config.Hostname}\n`);
  write(folder, 'hosts', hostsText(run.hosts, mode === 'host'));
  write(folder, 'resolv.conf', resolverText(run.dns));
  return destinations(folder);
}

/** What the files say: in another's network a container has that one's name, as Docker gives it. */
export const hostnameIn = (files: Readonly<Record<string, string>>): string => readHost(files['/etc/hostname'] ?? '').trim();

const destinations = (folder: string): Record<string, string> =>
  Object.fromEntries(['resolv.conf', 'hostname', 'hosts'].map((name) => [`/etc/${name}`, join(folder, name)]));

/** In place: a running container has the file itself mounted. Readable for everyone whatever the umask. */
function write(folder: string, name: (typeof names)[number], text: string): void {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, 0o644);
}

function hostsText(extra: Run['hosts'], likeHost: boolean): string {
  const base = likeHost ? readHost('/etc/hosts') : standardHosts.map((row) => row.join('\t')).join('\n');
  const lines = extra.map(({ address, names: all }) => `${address}\t${all.join(' ')}\n`);
  return `${base.trimEnd()}\n${lines.join('')}`;
}

function resolverText(dns: Run['dns']): string {
  if (!dns) return readHost('/etc/resolv.conf');
  return [
    ...dns.servers.map((server) => `nameserver ${server}`),
    ...(dns.search.length > 0 ? [`search ${dns.search.join(' ')}`] : []),
    ...(dns.options.length > 0 ? [`options ${dns.options.join(' ')}`] : []),
  ].map((line) => `${line}\n`).join('');
}

const readHost = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
