// complaint.ts: what is wrong with a container as it was asked for, in dockerd's sentences; null when nothing is
import type { ContainerConfig, EndpointRequest, HealthConfig, HostConfig, RestartPolicy } from '../../events/spec.ts';
import { isAddress, isIpv4, isIpv6, isMac } from './address.ts';
import { complaintAboutExposed, complaintAboutPorts } from './port.ts';
import { signalNamed } from '../../events/signal.ts';

type Complaint = string | null;
const first = (complaints: Iterable<Complaint>): Complaint => {
  for (const complaint of complaints) if (complaint !== null) return complaint;
  return null;
};

/** moby: names.RestrictedNameChars */
const nameShape = /^\/?[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
export const complaintAboutName = (name: string): Complaint =>
  nameShape.test(name) ? null : `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`;

/** moby: MinimumDuration, 1 ms in nanoseconds */
const shortest = 1_000_000;

function* healthComplaints(check: HealthConfig): Generator<Complaint> {
  for (const field of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const value = check[field] ?? 0;
    if (value !== 0 && value < shortest) yield `${field} in Healthcheck cannot be less than 1ms`;
  }
  if ((check.Retries ?? 0) < 0) yield 'Retries in Healthcheck cannot be negative';
}

function* configComplaints(config: ContainerConfig): Generator<Complaint> {
  if (config.WorkingDir !== '' && !config.WorkingDir.startsWith('/')) {
    yield `the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`;
  }
  if (config.StopSignal && signalNamed(config.StopSignal) === null) yield `invalid signal: ${config.StopSignal}`;
  for (const variable of config.Env) if (variable === '' || variable.startsWith('=')) yield `invalid environment variable: ${variable}`;
  yield* healthComplaints(config.Healthcheck ?? {});
  yield complaintAboutExposed(config.ExposedPorts ?? {});
}

/** moby: api/types/container ValidateRestartPolicy */
export function complaintAboutPolicy({ Name, MaximumRetryCount }: RestartPolicy): Complaint {
  const wrong = 'invalid restart policy: ';
  switch (Name) {
    case 'always':
    case 'unless-stopped':
    case 'no':
      if (MaximumRetryCount === 0) return null;
      return `${wrong}maximum retry count can only be used with 'on-failure'${MaximumRetryCount < 0 ? ' and cannot be negative' : ''}`;
    case 'on-failure':
      return MaximumRetryCount < 0 ? `${wrong}maximum retry count cannot be negative` : null;
    case '':
      return null;
    default:
      return `${wrong}unknown policy '${String(Name)}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`;
  }
}

function complaintAboutHostEntry(entry: string): Complaint {
  const cut = entry.indexOf(':');
  if (cut < 1) return `bad format for add-host: "${entry}"`;
  const address = entry.slice(cut + 1);
  return address === 'host-gateway' || isAddress(address.replace(/^\[(.*)\]$/, '$1')) ? null : `invalid IP address in add-host: "${address}"`;
}

const capabilities: ReadonlySet<string> = new Set(
  (
    'ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER ' +
    'KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID ' +
    'SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM'
  ).split(' '),
);
const complaintAboutCapabilities = (field: string, names: readonly string[] | null): Complaint => {
  const unknown = (names ?? []).find((name) => !capabilities.has(name.toUpperCase().replace(/^CAP_/, '')));
  return unknown === undefined ? null : `invalid ${field}: unknown capability: "CAP_${unknown.toUpperCase().replace(/^CAP_/, '')}"`;
};

const ofContainer = (mode: string): boolean => /^container:.+/.test(mode);

function* modeComplaints(host: HostConfig): Generator<Complaint> {
  if (!['', 'none', 'private', 'host', 'shareable'].includes(host.IpcMode) && !ofContainer(host.IpcMode)) yield `invalid IPC mode: ${host.IpcMode}`;
  if (!['', 'host'].includes(host.PidMode) && !ofContainer(host.PidMode)) yield `invalid PID mode: ${host.PidMode}`;
  if (host.ShmSize < 0) yield 'SHM size can not be less than 0';
  if (!['', 'host'].includes(host.UTSMode)) yield `invalid UTS mode: ${host.UTSMode}`;
  if (host.OomScoreAdj < -1000 || host.OomScoreAdj > 1000) yield `Invalid value ${host.OomScoreAdj}, range for oom score adj is [-1000, 1000]`;
  if (!['', 'host'].includes(host.UsernsMode)) yield `invalid user namespace mode: ${host.UsernsMode}`;
  if (!['', 'host', 'private'].includes(host.CgroupnsMode)) yield `invalid cgroup namespace mode: ${host.CgroupnsMode}`;
  if (!['', 'default'].includes(host.Isolation.toLowerCase())) yield `invalid isolation (${host.Isolation}): linux only supports 'default'`;
}

function* hostComplaints(host: HostConfig): Generator<Complaint> {
  if (host.AutoRemove && host.RestartPolicy.Name !== 'no' && host.RestartPolicy.Name !== '') yield `can't create 'AutoRemove' container with restart policy`;
  for (const entry of host.ExtraHosts ?? []) yield complaintAboutHostEntry(entry);
  yield complaintAboutPorts(host.PortBindings);
  for (const { HostIp } of Object.values(host.PortBindings).flatMap((bindings) => bindings ?? [])) {
    if (HostIp !== '' && !isAddress(HostIp)) yield `invalid IP address: ${HostIp}`;
  }
  yield complaintAboutPolicy(host.RestartPolicy);
  yield complaintAboutCapabilities('CapAdd', host.CapAdd);
  yield complaintAboutCapabilities('CapDrop', host.CapDrop);
  if (Object.keys(host.Annotations ?? {}).includes('')) yield 'invalid Annotations: the empty string is not permitted as an annotation key';
  yield* modeComplaints(host);
  for (const option of host.SecurityOpt ?? []) yield complaintAboutSecurity(option);
  for (const address of host.Dns ?? []) if (!isAddress(address)) yield `invalid IP address: ${address}`;
}

const booleans: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True', '0', 'f', 'F', 'FALSE', 'false', 'False']);

/** moby: daemon/daemon_unix.go parseSecurityOpt */
function complaintAboutSecurity(option: string): Complaint {
  if (option === 'no-new-privileges' || option === 'disable' || option.startsWith('systempaths=')) return null;
  const [, key = '', value = ''] = /^([^=:]+)[=:](.*)$/s.exec(option) ?? [];
  if (key === '') return `invalid --security-opt 1: "${option}"`;
  if (key === 'no-new-privileges' || key === 'writable-cgroups') return booleans.has(value) ? null : `invalid --security-opt 2: "${option}"`;
  return ['label', 'apparmor', 'seccomp'].includes(key) ? null : `invalid --security-opt 2: "${option}"`;
}

/** moby: runconfig/hostconfig.go, hostconfig_unix.go */
function* networkComplaints(config: ContainerConfig, host: HostConfig): Generator<Complaint> {
  const conflict = 'conflicting options: ';
  if (host.UTSMode === 'host' && config.Hostname !== '') yield `${conflict}hostname and the UTS mode`;
  if (host.NetworkMode === 'host' && host.Links?.length) {
    yield `${conflict}host type networking can't be used with links. This would result in undefined behavior`;
  }
  if (!/^container(:|$)/.test(host.NetworkMode)) return;
  if (!ofContainer(host.NetworkMode)) yield 'invalid network mode: invalid container format container:<name|id>';
  if (config.Hostname !== '') yield `${conflict}hostname and the network mode`;
  if (host.Links?.length) yield `${conflict}container type network can't be used with links. This would result in undefined behavior`;
  if (host.Dns?.length) yield `${conflict}dns and the network mode`;
  if (host.ExtraHosts?.length) yield `${conflict}custom host-to-IP mapping and the network mode`;
  if (Object.keys(host.PortBindings).length > 0 || host.PublishAllPorts) yield `${conflict}port publishing and the container type network mode`;
  if (Object.keys(config.ExposedPorts ?? {}).length > 0) yield `${conflict}port exposing and the container type network mode`;
}

/** Of what the request says, before the image is merged into it. */
export const complaintAbout = (config: ContainerConfig, host: HostConfig): Complaint =>
  first([...networkComplaints(config, host), ...configComplaints(config), ...hostComplaints(host)]);

export const isUserDefined = (mode: string): boolean => !['bridge', 'default', 'host', 'none'].includes(mode) && !/^container(:|$)/.test(mode);

/** moby: daemon/container_operations.go validateEndpointSettings */
export function complaintAboutEndpoint(network: string, endpoint: EndpointRequest | null): Complaint {
  if (endpoint === null) return `invalid config for network ${network}: EndpointsConfig is nil`;
  const { IPAMConfig, Aliases, MacAddress } = endpoint;
  if (MacAddress && !isMac(MacAddress)) return `invalid config for network ${network}: invalid MAC address ${MacAddress}`;
  const wrong: string[] = [];
  if (!isUserDefined(network)) {
    if (IPAMConfig?.IPv4Address || IPAMConfig?.IPv6Address) wrong.push('user specified IP address is supported on user defined networks only');
    if (Aliases?.length) wrong.push('network-scoped alias is supported only for containers in user defined networks');
  }
  if (IPAMConfig?.IPv4Address && !isIpv4(IPAMConfig.IPv4Address)) wrong.push(`invalid IPv4 address: ${IPAMConfig.IPv4Address}`);
  if (IPAMConfig?.IPv6Address && !isIpv6(IPAMConfig.IPv6Address)) wrong.push(`invalid IPv6 address: ${IPAMConfig.IPv6Address}`);
  return wrong.length === 0 ? null : `invalid config for network ${network}: invalid endpoint settings:\n${wrong.join('\n')}`;
}
