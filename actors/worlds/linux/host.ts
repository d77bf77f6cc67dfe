// host.ts: what docker info and docker version tell of the machine
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { arch, cpus, hostname, machine, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { Host, HostInfo } from '../../world.ts';

export interface Version {
  readonly version: string;
  readonly revision: string;
}

const text = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
/** Go's names of architectures by Node's. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

const cgroupVersion = (): '1' | '2' => (existsSync('/sys/fs/cgroup/cgroup.controllers') ? '2' : '1');

/** Version 1: a controller counts when it is enabled and mounted. */
function controllers(): Set<string> {
  if (cgroupVersion() === '2') return new Set(text('/sys/fs/cgroup/cgroup.controllers').trim().split(' '));
  const rows = text('/proc/cgroups').split('\n').slice(1).map((line) => line.split('\t'));
  return new Set(rows.filter(([name, , , enabled]) => enabled === '1' && existsSync(`/sys/fs/cgroup/${name}`)).map(([name = '']) => name));
}

function limits(): HostInfo['limits'] {
  const present = controllers();
  const version1 = cgroupVersion() === '1';
  const memory = present.has('memory');
  const file = (path: string) => existsSync(`/sys/fs/cgroup/${path}`);
  return {
    memory,
    swap: memory && (version1 ? file('memory/memory.memsw.limit_in_bytes') : true),
    cpuCfs: present.has('cpu') && (version1 ? file('cpu/cpu.cfs_quota_us') : true),
    cpuShares: present.has('cpu'),
    cpuset: present.has('cpuset'),
    pids: present.has('pids'),
    oomKillDisable: memory && version1 && file('memory/memory.oom_control'),
    ipv4Forwarding: text('/proc/sys/net/ipv4/ip_forward').trim() !== '0',
  };
}

/** moby: daemon/info.go fillAPIInfo and pkg/sysinfo. */
function warningsOf(found: HostInfo['limits']): string[] {
  const rows: [boolean, string][] = [
    [found.memory, 'No memory limit support'], [found.swap, 'No swap limit support'], [found.cpuCfs, 'No cpu cfs quota support'],
    [found.cpuShares, 'No cpu shares support'], [found.cpuset, 'No cpuset support'], [found.pids, 'No pids limit support'],
    [found.ipv4Forwarding, 'IPv4 forwarding is disabled'],
  ];
  return rows.filter(([has]) => !has).map(([, warning]) => `WARNING: ${warning}`);
}

const field = (release: string, name: string) => new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(release)?.[1] ?? '';

async function runcVersion(path: string): Promise<string> {
  const { stdout } = await promisify(execFile)(path, ['--version']).catch(() => ({ stdout: '' }));
  return /version ([^\s]+)/.exec(stdout)?.[1] ?? '';
}

const securityOptions = (): string[] => [
  ...(text('/sys/module/apparmor/parameters/enabled').startsWith('Y') ? ['name=apparmor'] : []),
  ...(/^Seccomp:/m.test(text('/proc/self/status')) ? ['name=seccomp,profile=builtin'] : []),
  ...(cgroupVersion() === '2' ? ['name=cgroupns'] : []),
];

/** `containerd` is asked each time: it may be replaced while the daemon runs. */
export function linuxHost(containerd: () => Promise<Version>, runc: string): Host {
  const runcKnown = runcVersion(runc);
  return {
    exists: async (path) => stat(path).then(() => true, () => false),
    makeFolder: async (path) => {
      await mkdir(path, { recursive: true, mode: 0o755 });
    },
    info: async () => {
      const os = text('/etc/os-release') || text('/usr/lib/os-release');
      const found = limits();
      const version = await containerd().catch(() => ({ version: '', revision: '' }));
      return {
        kernel: release(), operatingSystem: field(os, 'PRETTY_NAME') || 'Linux', osVersion: field(os, 'VERSION_ID'), machine: machine(),
        architecture: architectures[arch()] ?? arch(), cpus: cpus().length, memory: totalmem(), hostname: hostname(), cgroupVersion: cgroupVersion(),
        cgroupDriver: 'cgroupfs', securityOptions: securityOptions(), containerdVersion: version.version, containerdRevision: version.revision,
        runcVersion: await runcKnown, limits: found, warnings: warningsOf(found),
      };
    },
  };
}
