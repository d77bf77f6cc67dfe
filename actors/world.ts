// world.ts: the doors to everything that is not deterministic; two worlds open them: linux and simulated
import type { Duplex, Readable } from 'node:stream';
import type { ExecSpec } from '../events/exec.ts';
import type { Failure } from '../events/failure.ts';
import type { ImageRecord } from '../events/image.ts';
import type { Endpoint, NetworkRecord } from '../events/network.ts';
import type { ContainerSpec, HealthConfig, PortBinding, PortMap, Resources } from '../events/spec.ts';
import type { VolumeRecord } from '../events/volume.ts';

/**
 * Whatever a door is asked is "make it so": asking twice, or again after a crash in its middle, leads to the
 * same end. A door that cannot comply rejects with `WorldFailure`, whose reason is of a closed set; anything else
 * thrown is a defect. No door remembers anything that the log does not know or that cannot be found again.
 */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly runtime: Runtime;
  readonly stdio: Stdio;
  readonly networks: Networks;
  readonly images: Images;
  readonly volumes: Volumes;
  readonly host: Host;
  /** Lets go of connections; leaves containers and their helpers as they are. */
  close(): Promise<void>;
  /** Ends the helpers too (own containerd, keeper): what an orderly shutdown does without --live-restore. */
  shutDown(): Promise<void>;
}

export class WorldFailure extends Error {
  readonly failure: Failure;
  /** What Docker gives as the container's exit code: 125, 126, 127. */
  readonly exitCode: number;
  constructor(reason: Failure['reason'], message: string, exitCode = 128) {
    super(message);
    this.name = 'WorldFailure';
    this.failure = { reason, message };
    this.exitCode = exitCode;
  }
}

export interface Clock {
  /** Nanoseconds since the epoch. */
  now(): bigint;
  /** Resolves at that time, at once if it is past; rejects with the signal's reason when aborted. */
  until(time: bigint, signal: AbortSignal): Promise<void>;
}

export interface Random {
  /** 2 characters a byte. */
  hex(bytes: number): string;
  uuid(): string;
  /** 0 <= result < below. */
  integer(below: number): number;
}

/** Lines of a /etc/resolv.conf. */
export interface Resolver {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** What a run of a container needs beside its spec, resolved by the effect that starts it. */
export interface Run {
  readonly id: string;
  readonly name: string;
  readonly spec: ContainerSpec;
  readonly image: ImageRecord | null;
  /** Path of the network namespace to join; null: the host's; empty: one of its own, with nothing but a loopback. */
  readonly networkNamespace: string | null;
  /** Host paths of the volumes among spec.mounts, by destination. */
  readonly volumePaths: Readonly<Record<string, string>>;
  /** Lines for /etc/hosts beside the standard ones. */
  readonly hosts: readonly { address: string; names: string[] }[];
  /** Nameservers and search domains for /etc/resolv.conf; null: as on the host. */
  readonly dns: Resolver | null;
  /** Pids of the containers whose namespaces are joined, by `container:` modes. */
  readonly join: { readonly pid?: number; readonly ipc?: number };
  readonly stdio: Fifos;
}

export interface Exit {
  readonly exitCode: number;
  readonly finishedAt: bigint;
  readonly oomKilled: boolean;
}

export interface Task {
  readonly id: string;
  readonly pid: number;
  readonly state: 'created' | 'running' | 'paused' | 'stopped';
}

/** containerd and what is below it: writable layers, tasks, processes. */
export interface Runtime {
  /** Makes the container's writable layer on its image and its folder of files. */
  prepare(id: string, spec: ContainerSpec, image: ImageRecord): Promise<void>;
  /** A task in state created (or already running): process made, not yet executing the command. */
  createTask(run: Run): Promise<Task>;
  startTask(id: string): Promise<void>;
  /** Resolves when the container's process has ended; null: there is no such task, its exit is unknown. */
  exit(id: string, signal: AbortSignal): Promise<Exit | null>;
  /** `SIGTERM`; nothing to do when the process is gone. */
  signal(id: string, signal: string): Promise<void>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  update(id: string, resources: Partial<Resources>): Promise<void>;
  resize(id: string, execId: string | null, size: { height: number; width: number }): Promise<void>;
  /** Deletes the ended task (kills it first if it lives) and unmounts what the run had mounted. */
  release(id: string): Promise<void>;
  /** Nothing of the container is left: task, writable layer, record, folder. */
  remove(id: string): Promise<void>;
  /** All tasks that exist now, also of containers that the log does not know. */
  tasks(): Promise<Task[]>;
  /** Bytes that the container wrote: of its own layer. */
  usage(id: string): Promise<number>;
  /** What its processes use now; null when none runs. */
  figures(id: string): Promise<Figures | null>;
  /** Its processes, as ps(1) with these arguments shows them. */
  processes(id: string, args: readonly string[]): Promise<ProcessList>;
  /** How its files differ from its image's, sorted by path. */
  changes(id: string): Promise<Change[]>;
  /** Containers of which a writable layer or record exists. */
  containers(): Promise<string[]>;
  execs: Execs;
  /** When this world was last known to be alive: for exits that nobody saw. */
  lastAlive(): bigint;
  /** Tells of out-of-memory kills, as `container` ids. */
  onOutOfMemory(listener: (id: string) => void): void;
  /** True while the runtime answers; a start when it is down fails with `runtimeDown`. */
  readonly up: boolean;
  /** Called when the runtime is back after it was away: tasks may have changed meanwhile. */
  onReconnect(listener: () => void): void;
  /** Names of the runtimes that `HostConfig.Runtime` may name, with their paths. */
  readonly runtimes: Readonly<Record<string, { path: string }>>;
}

/** What a container uses, counted from the start of its run. Bytes and nanoseconds. */
export interface Figures {
  /** Of the cgroups that counted: the names of `memory.details` differ. */
  readonly version: '1' | '2';
  readonly cpu: {
    readonly totalNanos: number; readonly userNanos: number; readonly kernelNanos: number;
    /** By processor; null where that is not counted. */
    readonly eachNanos: readonly number[] | null;
    readonly periods: number; readonly throttledPeriods: number; readonly throttledNanos: number;
  };
  readonly memory: {
    readonly usage: number; readonly most: number | null; readonly limit: number; readonly failures: number; readonly details: Readonly<Record<string, number>>;
  };
  /** `limit` null: none. */
  readonly pids: { readonly current: number; readonly limit: number | null };
  readonly blocks: readonly { readonly major: number; readonly minor: number; readonly operation: string; readonly bytes: number }[];
  /** By name of the interface. */
  readonly networks: Readonly<Record<string, Moved>>;
  /** Of the whole machine. */
  readonly machineNanos: number;
  readonly onlineCpus: number;
}

export interface Moved {
  readonly rxBytes: number; readonly rxPackets: number; readonly rxErrors: number; readonly rxDropped: number;
  readonly txBytes: number; readonly txPackets: number; readonly txErrors: number; readonly txDropped: number;
}

export interface ProcessList {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Change {
  /** Absolute, inside the container. */
  readonly path: string;
  readonly kind: 'modified' | 'added' | 'deleted';
}

export interface Execs {
  /** Starts the command; the streams are live from the beginning: raw for a terminal, else framed as Docker frames them. */
  start(id: string, execId: string, spec: ExecSpec, container: ContainerSpec): Promise<{ pid: number; stream: Duplex | null }>;
  exit(id: string, execId: string, signal: AbortSignal): Promise<Exit | null>;
  /** Forgets an ended exec. */
  remove(id: string, execId: string): Promise<void>;
  /** Runs a health check's command to its end. */
  probe(id: string, check: HealthConfig, container: ContainerSpec, signal: AbortSignal): Promise<{ exitCode: number; output: string }>;
}

/** Paths of the FIFOs given to containerd; empty where there is none. */
export interface Fifos {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  /** With its line feed, unless the line was cut at 16 KiB. */
  readonly line: Buffer;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface LogQuery {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly since: bigint | null;
  readonly until: bigint | null;
  /** Lines from the end; null: all. */
  readonly tail: number | null;
  readonly follow: boolean;
}

/** A container's standard streams, held by a process that outlives the daemon: nothing written is lost. */
export interface Stdio {
  /** Opens the streams and the log before the task is made. */
  open(id: string, name: string, spec: ContainerSpec): Promise<Fifos>;
  /** Readable: output from now on, raw for a terminal, else framed as Docker frames it. Writable: the input, if it is open. */
  attach(id: string, wants: { stdin: boolean; stdout: boolean; stderr: boolean }): Promise<Duplex>;
  /** Resolves when all that the ended run wrote is in the log and was given to who is attached. */
  drained(id: string): Promise<void>;
  /** Rejects with `invalid` when the driver cannot be read. */
  logs(id: string, spec: ContainerSpec, query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine[]>;
  /** The json-file's path, empty when there is none. */
  logPath(id: string, spec: ContainerSpec): string;
  /** Deletes logs and FIFOs. */
  remove(id: string): Promise<void>;
  /** A sentence when this log configuration cannot be used, else null. */
  check(config: { Type: string; Config: Record<string, string> }): string | null;
}

/** A port to publish: `hostPort` is `8080`, a range `8000-8010`, or empty for any free one. */
export interface Publish {
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly bindings: readonly PortBinding[];
}

/** Linux networking: bridges, network namespaces, NAT, published ports. */
export interface Networks {
  /** A free bridge name and subnet for a network that asks for none. */
  propose(taken: readonly NetworkRecord[]): Promise<{ bridge: string; subnet: string; gateway: string }>;
  /** Bridge, address, NAT and filter rules are there. */
  ensure(network: NetworkRecord): Promise<void>;
  remove(network: NetworkRecord): Promise<void>;
  /** A network namespace for the container with its loopback up; gives its path. */
  openSandbox(containerId: string): Promise<string>;
  /** Connects the sandbox and publishes ports; gives the bindings as they came out, keys as `80/tcp`. */
  attach(containerId: string, containerName: string, network: NetworkRecord, endpoint: Endpoint, publish: readonly Publish[]): Promise<PortMap>;
  /** Unpublishes, disconnects and deletes the sandbox. */
  closeSandbox(containerId: string): Promise<void>;
  /** Whom a container asks for names, out of what it wants itself; null: as on the host. */
  resolver(wanted: Resolver, inHostsNetwork: boolean): Resolver | null;
  /** Sandboxes that exist now. */
  sandboxes(): Promise<string[]>;
}

/** A line of progress as the docker command line draws it. */
export interface Progress {
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { current?: number; total?: number };
  readonly progress?: string;
  readonly stream?: string;
  /** What a push made: `Tag`, `Digest`, `Size`. */
  readonly aux?: object;
}

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
  readonly serveraddress?: string;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** Image content in containerd and registries. What is returned is complete and held until `remove`. */
export interface Images {
  /** `docker import`: one layer out of a tar, of any compression; `config` is completed with its rootfs and history. */
  importLayer(tar: Readable, config: Omit<ImageRecord['config'], 'rootfs'>, comment: string): Promise<ImageRecord>;
  /** `docker load`: archives of `docker save`, old and OCI. References are full names, `docker.io/library/busybox:latest`. */
  load(tar: Readable, progress: (line: Progress) => void): Promise<{ image: ImageRecord; references: string[] }[]>;
  /** `docker save`. */
  save(images: readonly { image: ImageRecord; references: string[] }[]): Promise<Readable>;
  /** `reference` is a full name with tag or digest. `digest` is the one that the registry has for it. */
  pull(
    reference: string,
    platform: Platform | null,
    credentials: Credentials | null,
    progress: (line: Progress) => void,
    signal: AbortSignal,
  ): Promise<{ image: ImageRecord; digest: string }>;
  tags(repository: string, credentials: Credentials | null): Promise<string[]>;
  /** `reference` is a full name with a tag. Gives the digest and the bytes of the manifest that the registry has now. */
  push(
    image: ImageRecord,
    reference: string,
    credentials: Credentials | null,
    progress: (line: Progress) => void,
    signal: AbortSignal,
  ): Promise<{ digest: string; size: number }>;
  /** A new image out of a container's changes on its image. */
  commit(containerId: string, parent: ImageRecord, config: Omit<ImageRecord['config'], 'rootfs'>): Promise<ImageRecord>;
  /** Lets go of the content. */
  remove(image: Pick<ImageRecord, 'id'>): Promise<void>;
  /** Ids of the images that are held, also those that the log does not know. */
  held(): Promise<string[]>;
}

export interface Volumes {
  create(volume: VolumeRecord): Promise<void>;
  /** Host path to mount into a container; mounts the volume's own device where it has one. */
  mount(volume: VolumeRecord): Promise<string>;
  unmount(volume: VolumeRecord): Promise<void>;
  remove(volume: VolumeRecord): Promise<void>;
  /** `/var/lib/tallyd/volumes/<name>/_data`. */
  path(volume: Pick<VolumeRecord, 'name'>): string;
  /** Copies what the image has at `destination` into the volume, if that is empty. */
  copyUp(volume: VolumeRecord, containerId: string, destination: string): Promise<void>;
  /** Bytes. */
  usage(volume: VolumeRecord): Promise<number>;
}

/** What `docker info` and `docker version` tell of the machine. */
export interface Host {
  info(): Promise<HostInfo>;
  /** A bind's source exists. */
  exists(path: string): Promise<boolean>;
  makeFolder(path: string): Promise<void>;
}

export interface HostInfo {
  readonly kernel: string;
  readonly operatingSystem: string;
  readonly osVersion: string;
  /** `x86_64`. */
  readonly machine: string;
  /** `amd64`. */
  readonly architecture: string;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly hostname: string;
  readonly cgroupVersion: '1' | '2';
  readonly cgroupDriver: string;
  readonly securityOptions: string[];
  readonly containerdVersion: string;
  readonly containerdRevision: string;
  readonly runcVersion: string;
  readonly limits: {
    memory: boolean; swap: boolean; cpuCfs: boolean; cpuShares: boolean; cpuset: boolean; pids: boolean; oomKillDisable: boolean;
    ipv4Forwarding: boolean;
  };
  readonly warnings: string[];
}
