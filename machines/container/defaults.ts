// defaults.ts: what a container is created with where nothing was said, as dockerd's inspect shows it
import type { ContainerConfig, HostConfig } from '../../events/spec.ts';

/** moby: daemon/config DefaultShmSize */
const shmBytes = 64 * 1024 * 1024;

/** moby: oci/defaults.go */
export const maskedPaths: readonly string[] = [
  '/proc/asound', '/proc/acpi', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats',
  '/proc/sched_debug', '/proc/scsi', '/sys/firmware', '/sys/devices/virtual/powercap',
];
export const readonlyPaths: readonly string[] = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

const emptyConfig: ContainerConfig = {
  Hostname: '', Domainname: '', User: '', AttachStdin: false, AttachStdout: false, AttachStderr: false, Tty: false, OpenStdin: false,
  StdinOnce: false, Env: [], Cmd: null, Image: '', Volumes: null, WorkingDir: '', Entrypoint: null, OnBuild: null, Labels: {},
};

const emptyHostConfig: HostConfig = {
  Binds: null, ContainerIDFile: '', LogConfig: { Type: '', Config: {} }, NetworkMode: 'bridge', PortBindings: {},
  RestartPolicy: { Name: 'no', MaximumRetryCount: 0 }, AutoRemove: false, VolumeDriver: '', VolumesFrom: null, ConsoleSize: [0, 0],
  CapAdd: null, CapDrop: null, CgroupnsMode: '', Dns: [], DnsOptions: [], DnsSearch: [], ExtraHosts: null, GroupAdd: null, IpcMode: '',
  Cgroup: '', Links: null, OomScoreAdj: 0, PidMode: '', Privileged: false, PublishAllPorts: false, ReadonlyRootfs: false, SecurityOpt: null,
  UTSMode: '', UsernsMode: '', ShmSize: 0, Runtime: '', Isolation: '', CpuShares: 0, Memory: 0, NanoCpus: 0, CgroupParent: '', BlkioWeight: 0,
  BlkioWeightDevice: null, BlkioDeviceReadBps: null, BlkioDeviceWriteBps: null, BlkioDeviceReadIOps: null, BlkioDeviceWriteIOps: null,
  CpuPeriod: 0, CpuQuota: 0, CpuRealtimePeriod: 0, CpuRealtimeRuntime: 0, CpusetCpus: '', CpusetMems: '', Devices: null,
  DeviceCgroupRules: null, DeviceRequests: null, MemoryReservation: 0, MemorySwap: 0, MemorySwappiness: null, OomKillDisable: null,
  PidsLimit: null, Ulimits: null, MaskedPaths: null, ReadonlyPaths: null,
};

/** What the daemon was told to give to containers that do not say otherwise. */
export interface DaemonDefaults {
  readonly runtime: string;
  readonly logConfig: HostConfig['LogConfig'];
  readonly cgroupVersion: '1' | '2';
}

const given = <T extends object>(asked: Partial<T>): Partial<T> =>
  Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined && value !== null)) as Partial<T>;

export const filledConfig = (asked: Partial<ContainerConfig>): ContainerConfig => ({ ...emptyConfig, ...given(asked) });

const zero = { Name: '', Soft: 0, Hard: 0, PathOnHost: '', PathInContainer: '', CgroupPermissions: 'rwm', HostIp: '', HostPort: '', Path: '', Rate: 0, Weight: 0 };
const whole = <T extends Partial<typeof zero>>(fields: readonly (keyof typeof zero & keyof T)[], list: readonly Partial<T>[] | null): T[] | null =>
  list && list.map((each) => Object.fromEntries(fields.map((field) => [field, each[field] ?? zero[field]])) as unknown as T);

/** What lists hold is whole too. */
const wholeLists = (host: HostConfig): Partial<HostConfig> => ({
  Ulimits: whole(['Name', 'Soft', 'Hard'], host.Ulimits),
  Devices: whole(['PathOnHost', 'PathInContainer', 'CgroupPermissions'], host.Devices),
  PortBindings: Object.fromEntries(Object.entries(host.PortBindings).map(([port, bindings]) => [port, whole(['HostIp', 'HostPort'], bindings)])),
});

/** Every field is there, empty where nothing was said: what checks are made on. */
export function filledHostConfig(asked: Partial<HostConfig>): HostConfig {
  const filled = { ...emptyHostConfig, ...given(asked) };
  const { Name, MaximumRetryCount } = filled.RestartPolicy;
  return {
    ...filled,
    ...wholeLists(filled),
    RestartPolicy: { Name: Name || 'no', MaximumRetryCount: MaximumRetryCount ?? 0 },
    LogConfig: { Type: filled.LogConfig.Type ?? '', Config: filled.LogConfig.Config ?? {} },
    NetworkMode: filled.NetworkMode === '' || filled.NetworkMode === 'default' ? 'bridge' : filled.NetworkMode,
    PidsLimit: filled.PidsLimit !== null && filled.PidsLimit <= 0 ? null : filled.PidsLimit,
  };
}

/** moby: daemon/daemon_unix.go adaptContainerSettings, daemon/create_unix.go */
export function settledHostConfig(host: HostConfig, defaults: DaemonDefaults): HostConfig {
  const labelled = host.SecurityOpt?.some((option) => option.startsWith('label'));
  const unlabelled = !labelled && (host.Privileged || host.IpcMode === 'host' || host.PidMode === 'host');
  const logType = host.LogConfig.Type || defaults.logConfig.Type;
  return {
    ...host,
    MemorySwap: host.Memory > 0 && host.MemorySwap === 0 ? host.Memory * 2 : host.MemorySwap,
    ShmSize: host.ShmSize || shmBytes,
    IpcMode: host.IpcMode || 'private',
    CgroupnsMode: host.CgroupnsMode || (defaults.cgroupVersion === '2' ? 'private' : 'host'),
    SecurityOpt: unlabelled ? [...(host.SecurityOpt ?? []), 'label=disable'] : host.SecurityOpt,
    OomKillDisable: host.OomKillDisable ?? (defaults.cgroupVersion === '1' ? false : null),
    Runtime: host.Runtime || defaults.runtime,
    LogConfig: { Type: logType, Config: logType === defaults.logConfig.Type ? { ...defaults.logConfig.Config, ...host.LogConfig.Config } : host.LogConfig.Config },
    MaskedPaths: host.MaskedPaths ?? (host.Privileged ? null : [...maskedPaths]),
    ReadonlyPaths: host.ReadonlyPaths ?? (host.Privileged ? null : [...readonlyPaths]),
  };
}
