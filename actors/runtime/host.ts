// host.ts: what `docker info` and `docker version` tell of this machine
import { execFile } from 'node:child_process';
import { access, mkdir, readFile } from 'node:fs/promises';
import { availableParallelism, hostname, machine, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { Containerd } from '../containerd/client.ts';
import type { Host, HostInfo } from '../world.ts';
import { cgroupVersion, dockerArchitecture } from './runtime.ts';

export interface LinuxHostOptions {
  readonly containerd: Containerd;
  /** Of the default runtime: `runc`. */
  readonly runc?: string;
}

export function linuxHost({ containerd, runc = 'runc' }: LinuxHostOptions): Host {
  let runcVersion = '';
  let engine: { version: string; revision: string } | null = null;

  return {
    info: async (): Promise<HostInfo> => {
      // Asked again for as long as there is no answer: it may be down now, or not installed yet.
      engine ??= await containerd.call('Version.Version', {}).catch(() => null);
      runcVersion ||= await versionOf(runc);
      const version = cgroupVersion();
      const [system, limits, securityOptions] = await Promise.all([operatingSystem(), limitsOf(version), security(version)]);
      return {
        kernel: release(),
        ...system,
        machine: machine(),
        architecture: dockerArchitecture(process.arch),
        cpus: availableParallelism(),
        memory: totalmem(),
        hostname: hostname(),
        cgroupVersion: version,
        cgroupDriver: 'cgroupfs',
        securityOptions,
        containerdVersion: engine?.version ?? '',
        containerdRevision: engine?.revision ?? '',
        runcVersion,
        limits,
        warnings: warningsOf(limits, version),
      };
    },
    exists,
    makeFolder: async (path) => {
      await mkdir(path, { recursive: true });
    },
  };
}

const exists = (path: string): Promise<boolean> => access(path).then(() => true, () => false);
const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

async function versionOf(runc: string): Promise<string> {
  const { stdout } = await promisify(execFile)(runc, ['--version']).catch(() => ({ stdout: '' }));
  return /version (\S+)/.exec(stdout)?.[1] ?? '';
}

async function operatingSystem(): Promise<{ operatingSystem: string; osVersion: string }> {
  const text = (await textOf('/etc/os-release')) || (await textOf('/usr/lib/os-release'));
  const value = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { operatingSystem: value('PRETTY_NAME') || 'Linux', osVersion: value('VERSION_ID') };
}

/** Each limit and the file that a kernel that knows it has, under cgroups v1. moby: pkg/sysinfo */
const filesV1 = {
  memory: 'memory/memory.limit_in_bytes',
  swap: 'memory/memory.memsw.limit_in_bytes',
  cpuCfs: 'cpu/cpu.cfs_quota_us',
  cpuShares: 'cpu/cpu.shares',
  cpuset: 'cpuset/cpuset.cpus',
  pids: 'pids/cgroup.procs',
  oomKillDisable: 'memory/memory.oom_control',
} as const;
/** Under v2, the controller that brings it. */
const controllersV2 = { memory: 'memory', swap: 'memory', cpuCfs: 'cpu', cpuShares: 'cpu', cpuset: 'cpuset', pids: 'pids' } as const;

async function limitsOf(version: '1' | '2'): Promise<HostInfo['limits']> {
  const ipv4Forwarding = (await textOf('/proc/sys/net/ipv4/ip_forward')).trim() === '1';
  if (version === '2') {
    const controllers = (await textOf('/sys/fs/cgroup/cgroup.controllers')).trim().split(' ');
    const has = (name: keyof typeof controllersV2) => controllers.includes(controllersV2[name]);
    return {
      memory: has('memory'), swap: has('swap'), cpuCfs: has('cpuCfs'), cpuShares: has('cpuShares'), cpuset: has('cpuset'), pids: has('pids'),
      oomKillDisable: false, ipv4Forwarding,
    };
  }
  const has = (name: keyof typeof filesV1) => exists(`/sys/fs/cgroup/${filesV1[name]}`);
  const [memory, swap, cpuCfs, cpuShares, cpuset, pids, oomKillDisable] = await Promise.all([
    has('memory'), has('swap'), has('cpuCfs'), has('cpuShares'), has('cpuset'), has('pids'), has('oomKillDisable'),
  ]);
  return { memory, swap, cpuCfs, cpuShares, cpuset, pids, oomKillDisable, ipv4Forwarding };
}

async function security(version: '1' | '2'): Promise<string[]> {
  const apparmor = await exists('/sys/kernel/security/apparmor/profiles');
  const seccomp = /^Seccomp:/m.test(await textOf('/proc/self/status'));
  return [...(apparmor ? ['name=apparmor'] : []), ...(seccomp ? ['name=seccomp,profile=builtin'] : []), ...(version === '2' ? ['name=cgroupns'] : [])];
}

/** As dockerd words them. moby: daemon/info_unix.go */
function warningsOf(limits: HostInfo['limits'], version: '1' | '2'): string[] {
  const lacking: [boolean, string][] = [
    [limits.memory, 'WARNING: No memory limit support'],
    [limits.swap, 'WARNING: No swap limit support'],
    [limits.oomKillDisable || version === '2', 'WARNING: No oom kill disable support'],
    [limits.cpuCfs, 'WARNING: No cpu cfs quota support'],
    [limits.cpuShares, 'WARNING: No cpu shares support'],
    [limits.cpuset, 'WARNING: No cpuset support'],
    [limits.ipv4Forwarding, 'WARNING: IPv4 forwarding is disabled'],
  ];
  return lacking.filter(([there]) => !there).map(([, warning]) => warning);
}
