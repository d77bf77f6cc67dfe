// container.ts: the facts of a container
import * as v from 'valibot';
import { declare, fact, integer, record, type FactOf } from './fact.ts';
import { Failure } from './failure.ts';
import type { ContainerSpec, PortMap, Resources, RestartPolicy } from './spec.ts';

const none = v.object({});
const text = v.string();

/** What happens once a container that is being stopped has ended. */
export const StopPlan = v.object({
  /** `SIGTERM`. */
  signal: text,
  /** RFC 3339; when SIGKILL follows. Null: never. */
  deadline: v.nullable(text),
  then: v.picklist(['stay', 'restart', 'remove', 'shutdown']),
});
export type StopPlan = v.InferOutput<typeof StopPlan>;

export const exampleSpec: ContainerSpec = {
  config: {
    Hostname: 'web', Domainname: '', User: '', AttachStdin: false, AttachStdout: false, AttachStderr: false, Tty: false,
    OpenStdin: false, StdinOnce: false, Env: ['PATH=/bin'], Cmd: ['true'], Image: 'busybox', Volumes: null, WorkingDir: '/',
    Entrypoint: null, OnBuild: null, Labels: {},
  },
  hostConfig: {
    Binds: null, ContainerIDFile: '', LogConfig: { Type: 'json-file', Config: {} }, NetworkMode: 'bridge', PortBindings: {},
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 }, AutoRemove: false, VolumeDriver: '', VolumesFrom: null,
    ConsoleSize: [0, 0], CapAdd: null, CapDrop: null, CgroupnsMode: 'host', Dns: null, DnsOptions: null, DnsSearch: null,
    ExtraHosts: null, GroupAdd: null, IpcMode: 'private', Cgroup: '', Links: null, OomScoreAdj: 0, PidMode: '', Privileged: false,
    PublishAllPorts: false, ReadonlyRootfs: false, SecurityOpt: null, UTSMode: '', UsernsMode: '', ShmSize: 67108864, Runtime: 'runc',
    Isolation: '', MaskedPaths: null, ReadonlyPaths: null, CpuShares: 0, Memory: 0, NanoCpus: 0, CgroupParent: '', BlkioWeight: 0,
    BlkioWeightDevice: null, BlkioDeviceReadBps: null, BlkioDeviceWriteBps: null, BlkioDeviceReadIOps: null, BlkioDeviceWriteIOps: null,
    CpuPeriod: 0, CpuQuota: 0, CpuRealtimePeriod: 0, CpuRealtimeRuntime: 0, CpusetCpus: '', CpusetMems: '', Devices: null,
    DeviceCgroupRules: null, DeviceRequests: null, MemoryReservation: 0, MemorySwap: 0, MemorySwappiness: null, OomKillDisable: null,
    PidsLimit: null, Ulimits: null,
  },
  networks: { default: {} },
  mounts: [],
  image: { id: 'sha256:6d5fcfe5ff17f4d3b5b9c4b5b9b2c7a1e8a1c2d3e4f5a6b7c8d9e0f1a2b3c4d5', reference: 'busybox' },
  platform: { os: 'linux', architecture: 'amd64' },
};

export const container = declare('container', {
  createRequested: fact(null, v.object({ id: text, name: text, spec: record<ContainerSpec>() }), {
    id: '4c01db0b339c', name: 'web', spec: exampleSpec,
  }),
  created: fact('create', none, {}),
  createFailed: fact(null, Failure, { reason: 'imageMissing', message: 'No such image: busybox' }),

  startRequested: fact(null, v.object({ why: v.picklist(['asked', 'restartPolicy', 'restart', 'daemonStart']) }), { why: 'asked' }),
  started: fact('start', v.object({ pid: integer, ports: record<PortMap>() }), {
    pid: 42, ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }] },
  }),
  startFailed: fact(null, v.object({ ...Failure.entries, exitCode: integer }), {
    reason: 'commandNotFound', message: 'exec: "nope": executable file not found in $PATH', exitCode: 127,
  }),
  restarted: fact('restart', none, {}),

  signalRequested: fact(null, v.object({ signal: text, manual: v.boolean() }), { signal: 'SIGHUP', manual: true }),
  killed: fact('kill', v.object({ signal: text }), { signal: 'SIGHUP' }),
  signalFailed: fact(null, v.object({ signal: text, ...Failure.entries }), { signal: 'SIGHUP', reason: 'runtimeDown', message: 'containerd does not answer' }),
  stopRequested: fact(null, StopPlan, { signal: 'SIGTERM', deadline: '2026-11-25T10:00:10Z', then: 'stay' }),
  /** The process ended and was seen to end. */
  exited: fact('die', v.object({ exitCode: integer, finishedAt: text, oomKilled: v.boolean(), runSeconds: integer }), {
    exitCode: 0, finishedAt: '2026-11-25T10:00:05Z', oomKilled: false, runSeconds: 5,
  }),
  /** The process is gone and nobody saw it end: its exit is unknown; Docker's clients are shown 255. */
  lost: fact('die', v.object({ exitCode: integer, finishedAt: text, lastSeenAliveAt: text, runSeconds: integer }), {
    exitCode: 255, finishedAt: '2026-11-25T10:00:05Z', lastSeenAliveAt: '2026-11-25T10:00:04Z', runSeconds: 5,
  }),
  outOfMemory: fact('oom', none, {}),
  /** Task, network attachment and mounts of the run are put away. */
  released: fact(null, none, {}),
  stopped: fact('stop', none, {}),
  restartScheduled: fact(null, v.object({ attempt: integer, delayMs: integer, at: text, policy: text, exitCode: integer }), {
    attempt: 1, delayMs: 100, at: '2026-11-25T10:00:05.1Z', policy: 'always', exitCode: 1,
  }),
  restartCancelled: fact(null, none, {}),

  pauseRequested: fact(null, none, {}),
  paused: fact('pause', none, {}),
  pauseFailed: fact(null, Failure, { reason: 'other', message: 'cannot freeze' }),
  unpauseRequested: fact(null, none, {}),
  unpaused: fact('unpause', none, {}),
  unpauseFailed: fact(null, Failure, { reason: 'other', message: 'cannot thaw' }),

  updateRequested: fact(null, v.object({ resources: record<Partial<Resources>>(), restartPolicy: v.nullable(record<RestartPolicy>()) }), {
    resources: { Memory: 67108864 }, restartPolicy: null,
  }),
  updated: fact('update', none, {}),
  updateFailed: fact(null, Failure, { reason: 'invalid', message: 'limit is lower than usage' }),

  renamed: fact('rename', v.object({ oldName: text, name: text }), { oldName: 'web', name: 'www' }),
  removeRequested: fact(null, v.object({ volumes: v.boolean() }), { volumes: false }),
  removed: fact('destroy', none, {}),
  removeFailed: fact(null, Failure, { reason: 'other', message: 'device is busy' }),
  /** Nothing of a removed container is left on this machine. */
  swept: fact(null, none, {}),

  attached: fact('attach', none, {}),
  detached: fact('detach', none, {}),
  resized: fact('resize', v.object({ height: integer, width: integer }), { height: 24, width: 80 }),
  topped: fact('top', none, {}),
  exported: fact('export', none, {}),
  committed: fact('commit', v.object({ comment: text, imageID: text, imageRef: text }), { comment: '', imageID: 'sha256:6d5f', imageRef: 'web:1' }),
  archivePathRead: fact('archive-path', none, {}),
  extractedToDirectory: fact('extract-to-dir', none, {}),
});
export type ContainerFact = FactOf<typeof container>;
