// spec.ts: the OCI runtime spec of a run, the same that dockerd would make of the request. moby: daemon/oci_linux.go
import { join } from 'node:path';
import type { ContainerConfig, ContainerSpec, HostConfig, Ulimit } from '../../events/spec.ts';
import { WorldFailure, type Run } from '../world.ts';
import { capabilitiesFor } from './capabilities.ts';
import { devicesFor } from './devices.ts';
import type { Layers } from './layers.ts';
import { initPath, mountsFor, rootPropagation } from './mounts.ts';
import { namespacesFor } from './namespaces.ts';
import type { Capabilities, Process, Seccomp, Spec } from './oci.ts';
import { resourcesFor } from './resources.ts';
import { defaultSeccomp, givenSeccomp } from './seccomp.ts';
import { apparmorProfile, hiddenPaths, securityOptions, type SecurityOptions } from './security.ts';
import { userFor } from './user.ts';

/** What the spec needs to know of this machine and this daemon. */
export interface Surroundings {
  readonly cgroupVersion: '1' | '2';
  /** Of containers whose request names none: `/tallyd`. */
  readonly cgroupParent: string;
  /** `amd64`. */
  readonly architecture: string;
  readonly kernel: string;
  /** What the daemon can pass on. */
  readonly capabilities: readonly string[];
  /** Path of the binary for `--init`; null: there is none. */
  readonly init: string | null;
  /** For containers that say nothing of their own. */
  readonly defaults: { readonly init: boolean; readonly noNewPrivileges: boolean; readonly ulimits: readonly Ulimit[] };
}

/** What was made for the run before its spec. */
export interface Made {
  /** The request's own, or that of the container whose network is shared. */
  readonly hostname: string;
  /** The root filesystem's layers, to look up users in. */
  readonly layers: Layers;
  /** Host paths of /etc/hosts and the like, by destination. */
  readonly files: Readonly<Record<string, string>>;
  readonly sharedMemory: string | null;
}

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function ociSpec(run: Run, made: Made, host: Surroundings): Spec {
  const { hostConfig, mounts } = run.spec;
  const config = { ...run.spec.config, Hostname: made.hostname };
  const security = securityOptions(hostConfig.SecurityOpt);
  const init = initFor(hostConfig, host);
  const process = processFor({ ...run.spec, config }, made, host, init !== null, security);
  const { DeviceRequests: requests, Devices, DeviceCgroupRules: rules, Privileged: privileged } = hostConfig;
  const devices = devicesFor({ requests, devices: Devices, rules, privileged });
  const seccomp = seccompFor(hostConfig, security, process.capabilities.bounding, host);
  const propagation = rootPropagation(mounts);
  return {
    ociVersion: '1.0.2',
    process,
    root: { path: 'rootfs', ...(hostConfig.ReadonlyRootfs && { readonly: true }) },
    ...(hostConfig.UTSMode !== 'host' && { hostname: config.Hostname }),
    mounts: mountsFor({ hostConfig, mounts, volumePaths: run.volumePaths, files: made.files, sharedMemory: made.sharedMemory, init }),
    ...(hostConfig.Annotations && { annotations: hostConfig.Annotations }),
    linux: {
      sysctl: sysctlsFor(run),
      resources: { devices: devices.rules, ...resourcesFor(hostConfig) },
      cgroupsPath: join('/', hostConfig.CgroupParent || host.cgroupParent, run.id),
      namespaces: namespacesFor(run, hostConfig, host.cgroupVersion),
      ...(devices.nodes.length > 0 && { devices: devices.nodes }),
      ...(seccomp && { seccomp }),
      ...(propagation && { rootfsPropagation: propagation }),
      ...hiddenPaths(hostConfig),
    },
  };
}

function processFor({ config, hostConfig }: ContainerSpec, { layers }: Made, host: Surroundings, init: boolean, security: SecurityOptions): Process {
  const user = userFor(layers, config.User, hostConfig.GroupAdd);
  const granted = capabilitiesFor({ add: hostConfig.CapAdd, drop: hostConfig.CapDrop, privileged: hostConfig.Privileged }, host.capabilities);
  const apparmor = apparmorProfile(security.apparmor, hostConfig.Privileged);
  const [height, width] = hostConfig.ConsoleSize ?? [0, 0];
  return {
    ...(config.Tty && { terminal: true }),
    ...(config.Tty && height > 0 && width > 0 && { consoleSize: { height, width } }),
    user,
    args: [...(init ? [initPath, '--'] : []), ...commandOf(config)],
    env: environmentOf(config, config.Tty),
    cwd: config.WorkingDir || '/',
    capabilities: capabilitySets(granted, user.uid),
    ...rlimits(hostConfig.Ulimits ?? [], host.defaults.ulimits),
    ...((security.noNewPrivileges || host.defaults.noNewPrivileges) && { noNewPrivileges: true }),
    ...(apparmor && { apparmorProfile: apparmor }),
    oomScoreAdj: hostConfig.OomScoreAdj,
  };
}

function commandOf({ Entrypoint, Cmd }: ContainerConfig): string[] {
  const command = [...(Entrypoint ?? []), ...(Cmd ?? [])];
  if (command.length === 0) throw new WorldFailure('invalid', 'no command specified');
  return command;
}

/** Docker's own variables first; `NAME=value` replaces one, a bare `NAME` takes it away. */
export function environmentOf({ Hostname, Env }: ContainerConfig, tty: boolean, more: readonly string[] = []): string[] {
  const values = new Map<string, string>();
  for (const text of [defaultPath, `HOSTNAME=${Hostname}`, ...(tty ? ['TERM=xterm'] : []), ...(Env ?? []), ...more]) {
    const equals = text.indexOf('=');
    if (equals < 0) values.delete(text);
    else values.set(text.slice(0, equals), text);
  }
  return [...values.values()];
}

/** Only root has them without more: execve(2) would take them away from anyone else. */
export const capabilitySets = (granted: string[], uid: number): Capabilities =>
  uid === 0 ? { bounding: granted, effective: granted, permitted: granted } : { bounding: granted };

function rlimits(asked: readonly Ulimit[], defaults: readonly Ulimit[]): Pick<Process, 'rlimits'> {
  const all = [...asked, ...defaults.filter(({ Name }) => !asked.some((ulimit) => ulimit.Name === Name))];
  if (all.length === 0) return {};
  return { rlimits: all.map(({ Name, Soft, Hard }) => ({ type: `RLIMIT_${Name.toUpperCase()}`, soft: limit(Soft), hard: limit(Hard) })) };
}
/** -1 is Docker's "unlimited"; JSON has no number for RLIM_INFINITY (2^64 - 1), so it is marked for `specJson`. */
const limit = (value: number): number => (value < 0 ? unlimited : value);
const unlimited = Number.MAX_VALUE;

/** The spec as runc reads it. */
export const specJson = (spec: unknown): string => JSON.stringify(spec).replaceAll(String(unlimited), '18446744073709551615');

function initFor({ Init, PidMode }: HostConfig, host: Surroundings): string | null {
  // In another's pid namespace there already is an init.
  if (PidMode !== '' && PidMode !== 'private') return null;
  if (!(Init ?? host.defaults.init)) return null;
  if (!host.init) throw new WorldFailure('invalid', 'exec: "docker-init": executable file not found in $PATH (install the package tini)');
  return host.init;
}

function seccompFor({ Privileged }: HostConfig, { seccomp }: SecurityOptions, capabilities: string[], host: Surroundings): Seccomp | null {
  if (seccomp === 'unconfined' || Privileged) return null;
  const circumstances = { architecture: host.architecture, kernel: host.kernel, capabilities };
  return seccomp ? givenSeccomp(seccomp, circumstances) : defaultSeccomp(circumstances);
}

/** Those that make a network of the container's own useful without capabilities; what was asked for counts more. */
function sysctlsFor({ spec: { config, hostConfig }, networkNamespace }: Run): Record<string, string> {
  const ownNetwork = networkNamespace !== null && !hostConfig.NetworkMode.startsWith('container:');
  return {
    ...(config.Domainname && hostConfig.UTSMode !== 'host' && { 'kernel.domainname': config.Domainname }),
    ...(ownNetwork && { 'net.ipv4.ping_group_range': '0 2147483647', 'net.ipv4.ip_unprivileged_port_start': '0' }),
    ...hostConfig.Sysctls,
  };
}
