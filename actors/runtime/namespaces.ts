// namespaces.ts: what a container shares with the host and with other containers
import type { HostConfig } from '../../events/spec.ts';
import type { Run } from '../world.ts';
import type { Namespace } from './oci.ts';

/** Order and defaults: moby daemon/oci_linux.go, WithNamespaces. */
export function namespacesFor(run: Pick<Run, 'networkNamespace' | 'join'>, hostConfig: HostConfig, cgroupVersion: '1' | '2'): Namespace[] {
  const { PidMode, IpcMode, UTSMode } = hostConfig;
  return [
    { type: 'mount' },
    ...(run.networkNamespace === null ? [] : [{ type: 'network', ...(run.networkNamespace && { path: run.networkNamespace }) } as const]),
    ...(UTSMode === 'host' ? [] : [{ type: 'uts' } as const]),
    ...joined('pid', PidMode, run.join.pid),
    ...joined('ipc', IpcMode, run.join.ipc),
    ...(ownCgroups(hostConfig.CgroupnsMode, cgroupVersion) ? [{ type: 'cgroup' } as const] : []),
  ];
}

function joined(type: 'pid' | 'ipc', mode: string, pid: number | undefined): Namespace[] {
  if (mode === 'host') return [];
  return [mode.startsWith('container:') && pid ? { type, path: `/proc/${pid}/ns/${type}` } : { type }];
}

/** Docker's default: the host's under cgroups v1, own ones under v2. */
const ownCgroups = (mode: string, cgroupVersion: '1' | '2'): boolean =>
  mode === '' ? cgroupVersion === '2' : mode === 'private';
