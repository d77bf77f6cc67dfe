// container-request.ts: the fields of a container's creation and update, as Go's types have them (moby: api/types/container)
import type { Shape } from '../go-json.ts';

const strings: Shape = { list: 'string' };
const stringMap: Shape = { map: 'string' };
const healthcheck: Shape = {
  fields: { Test: strings, Interval: 'int', Timeout: 'int', StartPeriod: 'int', StartInterval: 'int', Retries: 'int' },
};

const configFields: Readonly<Record<string, Shape>> = {
  Hostname: 'string', Domainname: 'string', User: 'string', AttachStdin: 'bool', AttachStdout: 'bool', AttachStderr: 'bool',
  ExposedPorts: { map: 'any' }, Tty: 'bool', OpenStdin: 'bool', StdinOnce: 'bool', Env: strings, Cmd: 'words', Healthcheck: healthcheck,
  ArgsEscaped: 'bool', Image: 'string', Volumes: { map: 'any' }, WorkingDir: 'string', Entrypoint: 'words', NetworkDisabled: 'bool',
  MacAddress: 'string', OnBuild: strings, Labels: stringMap, StopSignal: 'string', StopTimeout: 'int', Shell: 'words',
};

const throttles: Shape = { list: { fields: { Path: 'string', Rate: 'uint' } } };

const resourceFields: Readonly<Record<string, Shape>> = {
  CpuShares: 'int', Memory: 'int', NanoCpus: 'int', CgroupParent: 'string', BlkioWeight: 'uint',
  BlkioWeightDevice: { list: { fields: { Path: 'string', Weight: 'uint' } } }, BlkioDeviceReadBps: throttles, BlkioDeviceWriteBps: throttles,
  BlkioDeviceReadIOps: throttles, BlkioDeviceWriteIOps: throttles, CpuPeriod: 'int', CpuQuota: 'int', CpuRealtimePeriod: 'int',
  CpuRealtimeRuntime: 'int', CpusetCpus: 'string', CpusetMems: 'string',
  Devices: { list: { fields: { PathOnHost: 'string', PathInContainer: 'string', CgroupPermissions: 'string' } } }, DeviceCgroupRules: strings,
  DeviceRequests: { list: 'any' }, MemoryReservation: 'int', MemorySwap: 'int', MemorySwappiness: 'int', OomKillDisable: 'bool', PidsLimit: 'int',
  Ulimits: { list: { fields: { Name: 'string', Soft: 'int', Hard: 'int' } } },
};

const restartPolicy: Shape = { fields: { Name: 'string', MaximumRetryCount: 'int' } };

const mount: Shape = {
  fields: {
    Type: 'string', Source: 'string', Target: 'string', ReadOnly: 'bool', Consistency: 'string',
    BindOptions: {
      fields: { Propagation: 'string', NonRecursive: 'bool', CreateMountpoint: 'bool', ReadOnlyNonRecursive: 'bool', ReadOnlyForceRecursive: 'bool' },
    },
    VolumeOptions: {
      fields: { NoCopy: 'bool', Labels: stringMap, Subpath: 'string', DriverConfig: { fields: { Name: 'string', Options: stringMap } } },
    },
    TmpfsOptions: { fields: { SizeBytes: 'int', Mode: 'uint', Options: { list: strings } } },
  },
};

const hostConfigFields: Readonly<Record<string, Shape>> = {
  ...resourceFields,
  Binds: strings, ContainerIDFile: 'string', LogConfig: { fields: { Type: 'string', Config: stringMap } }, NetworkMode: 'string',
  PortBindings: { map: { list: { fields: { HostIp: 'string', HostPort: 'string' } } } }, RestartPolicy: restartPolicy, AutoRemove: 'bool',
  VolumeDriver: 'string', VolumesFrom: strings, Mounts: { list: mount }, ConsoleSize: { list: 'uint' }, Annotations: stringMap, CapAdd: 'words',
  CapDrop: 'words', CgroupnsMode: 'string', Dns: strings, DnsOptions: strings, DnsSearch: strings, ExtraHosts: strings, GroupAdd: strings,
  IpcMode: 'string', Cgroup: 'string', Links: strings, OomScoreAdj: 'int', PidMode: 'string', Privileged: 'bool', PublishAllPorts: 'bool',
  ReadonlyRootfs: 'bool', SecurityOpt: strings, StorageOpt: stringMap, Tmpfs: stringMap, UTSMode: 'string', UsernsMode: 'string', ShmSize: 'int',
  Sysctls: stringMap, Runtime: 'string', Isolation: 'string', MaskedPaths: strings, ReadonlyPaths: strings, Init: 'bool',
};

const endpoint: Shape = {
  fields: {
    IPAMConfig: { fields: { IPv4Address: 'string', IPv6Address: 'string', LinkLocalIPs: strings } }, Links: strings, Aliases: strings,
    MacAddress: 'string', DriverOpts: stringMap, GwPriority: 'int', NetworkID: 'string',
  },
};

export const createShape: Shape = {
  fields: { ...configFields, HostConfig: { fields: hostConfigFields }, NetworkingConfig: { fields: { EndpointsConfig: { map: endpoint } } } },
};
export const configShape: Shape = { fields: configFields };
export const updateShape: Shape = { fields: { ...resourceFields, RestartPolicy: restartPolicy } };
export const execShape: Shape = {
  fields: {
    User: 'string', Privileged: 'bool', Tty: 'bool', ConsoleSize: { list: 'uint' }, AttachStdin: 'bool', AttachStderr: 'bool', AttachStdout: 'bool',
    DetachKeys: 'string', Env: strings, WorkingDir: 'string', Cmd: strings, Detach: 'bool',
  },
};
export const execStartShape: Shape = { fields: { Detach: 'bool', Tty: 'bool', ConsoleSize: { list: 'uint' } } };
