// messages.ts: containerd's calls as TypeScript sees them; the wire is in proto/
// Requests leave out what is empty; answers have every field, null where a message is absent.

export interface Any { type_url: string; value: Buffer }
export interface Timestamp { seconds: number; nanos: number }
export type Labels = Record<string, string>;
type Empty = Record<string, never>;

export interface Mount { type: string; source: string; target?: string; options: string[] }
export interface Descriptor { mediaType: string; digest: string; size: number; annotations?: Labels }
export interface FieldMask { paths: string[] }

export interface ContainerRecord {
  id: string;
  labels?: Labels;
  image?: string;
  runtime?: { name: string; options?: Any | null } | null;
  spec?: Any | null;
  snapshotter?: string;
  snapshotKey?: string;
  createdAt?: Timestamp | null;
  updatedAt?: Timestamp | null;
  extensions?: Record<string, Any>;
}

export type TaskStatus = 'UNKNOWN' | 'CREATED' | 'RUNNING' | 'STOPPED' | 'PAUSED' | 'PAUSING';
export interface Process {
  /** Empty in what Get answers for a task: its id is in `id`. */
  containerId: string;
  id: string;
  pid: number;
  status: TaskStatus;
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
  exitStatus: number;
  exitedAt: Timestamp | null;
}
export interface Ended { exitStatus: number; exitedAt: Timestamp | null }

export interface BlobInfo { digest: string; size: number; createdAt: Timestamp | null; updatedAt: Timestamp | null; labels: Labels }
export interface Ingest { ref: string; offset: number; total: number; expected: string; startedAt: Timestamp | null; updatedAt: Timestamp | null }
export interface WriteRequest {
  action: 'STAT' | 'WRITE' | 'COMMIT';
  ref?: string;
  total?: number;
  expected?: string;
  offset?: number;
  data?: Uint8Array;
  labels?: Labels;
}
export interface WriteAnswer { action: 'STAT' | 'WRITE' | 'COMMIT'; offset: number; total: number; digest: string }

export interface ImageName { name: string; labels: Labels; target: Descriptor; createdAt?: Timestamp | null; updatedAt?: Timestamp | null }
export interface Lease { id: string; createdAt: Timestamp | null; labels: Labels }
/** `type`: `content`, `snapshots/overlayfs`. */
export interface LeaseResource { id: string; type: string }
export interface Snapshot {
  name: string;
  parent: string;
  kind: 'UNKNOWN' | 'VIEW' | 'ACTIVE' | 'COMMITTED';
  createdAt: Timestamp | null;
  updatedAt: Timestamp | null;
  labels: Labels;
}
export interface Plugin { type: string; id: string; requires: string[]; exports: Labels; capabilities: string[] }
export interface Metric { timestamp: Timestamp | null; id: string; data: Any | null }
export interface Envelope { timestamp: Timestamp | null; namespace: string; topic: string; event: Any | null }

type Call<Request, Answer = Empty> = [Request, Answer];
type Snapshotted<More = object> = { snapshotter: string } & More;
type OfTask<More = object> = { containerId: string } & More;
type OfProcess<More = object> = { containerId: string; execId?: string } & More;

/** One request, one answer. */
export interface Calls {
  'Containers.Get': Call<{ id: string }, { container: ContainerRecord }>;
  'Containers.List': Call<{ filters?: string[] }, { containers: ContainerRecord[] }>;
  'Containers.Create': Call<{ container: ContainerRecord }, { container: ContainerRecord }>;
  'Containers.Update': Call<{ container: ContainerRecord; updateMask?: FieldMask }, { container: ContainerRecord }>;
  'Containers.Delete': Call<{ id: string }>;

  'Tasks.Create': Call<
    OfTask<{ rootfs: Mount[]; stdin?: string; stdout?: string; stderr?: string; terminal?: boolean; options?: Any; runtimePath?: string }>,
    { containerId: string; pid: number }
  >;
  'Tasks.Start': Call<OfProcess, { pid: number }>;
  'Tasks.Delete': Call<OfTask, Ended & { id: string; pid: number }>;
  'Tasks.DeleteProcess': Call<OfProcess, Ended & { id: string; pid: number }>;
  'Tasks.Get': Call<OfProcess, { process: Process }>;
  'Tasks.List': Call<{ filter?: string }, { tasks: Process[] }>;
  'Tasks.Kill': Call<OfProcess<{ signal: number; all?: boolean }>>;
  'Tasks.Exec': Call<
    OfTask<{ execId: string; spec: Any; stdin?: string; stdout?: string; stderr?: string; terminal?: boolean }>
  >;
  'Tasks.ResizePty': Call<OfProcess<{ width: number; height: number }>>;
  'Tasks.CloseIO': Call<OfProcess<{ stdin: boolean }>>;
  'Tasks.Pause': Call<OfTask>;
  'Tasks.Resume': Call<OfTask>;
  'Tasks.ListPids': Call<OfTask, { processes: { pid: number; info: Any | null }[] }>;
  'Tasks.Checkpoint': Call<OfTask<{ parentCheckpoint?: string; options?: Any }>, { descriptors: Descriptor[] }>;
  'Tasks.Update': Call<OfTask<{ resources: Any; annotations?: Labels }>>;
  'Tasks.Metrics': Call<{ filters?: string[] }, { metrics: Metric[] }>;
  'Tasks.Wait': Call<OfProcess, Ended>;

  'Snapshots.Prepare': Call<Snapshotted<{ key: string; parent?: string; labels?: Labels }>, { mounts: Mount[] }>;
  'Snapshots.View': Call<Snapshotted<{ key: string; parent?: string; labels?: Labels }>, { mounts: Mount[] }>;
  'Snapshots.Mounts': Call<Snapshotted<{ key: string }>, { mounts: Mount[] }>;
  'Snapshots.Commit': Call<Snapshotted<{ name: string; key: string; labels?: Labels }>>;
  'Snapshots.Remove': Call<Snapshotted<{ key: string }>>;
  'Snapshots.Stat': Call<Snapshotted<{ key: string }>, { info: Snapshot }>;
  'Snapshots.Update': Call<Snapshotted<{ info: Partial<Snapshot>; updateMask?: FieldMask }>, { info: Snapshot }>;
  'Snapshots.Usage': Call<Snapshotted<{ key: string }>, { size: number; inodes: number }>;
  'Snapshots.Cleanup': Call<Snapshotted>;

  'Content.Info': Call<{ digest: string }, { info: BlobInfo }>;
  'Content.Update': Call<{ info: Partial<BlobInfo>; updateMask?: FieldMask }, { info: BlobInfo }>;
  'Content.Delete': Call<{ digest: string }>;
  'Content.Status': Call<{ ref: string }, { status: Ingest }>;
  'Content.ListStatuses': Call<{ filters?: string[] }, { statuses: Ingest[] }>;
  'Content.Abort': Call<{ ref: string }>;

  'Images.Get': Call<{ name: string }, { image: ImageName }>;
  'Images.List': Call<{ filters?: string[] }, { images: ImageName[] }>;
  'Images.Create': Call<{ image: ImageName }, { image: ImageName }>;
  'Images.Update': Call<{ image: Partial<ImageName>; updateMask?: FieldMask }, { image: ImageName }>;
  'Images.Delete': Call<{ name: string; sync?: boolean }>;

  'Diff.Apply': Call<{ diff: Descriptor; mounts: Mount[]; payloads?: Record<string, Any> }, { applied: Descriptor }>;
  'Diff.Diff': Call<{ left: Mount[]; right: Mount[]; mediaType?: string; ref?: string; labels?: Labels }, { diff: Descriptor }>;

  'Leases.Create': Call<{ id?: string; labels?: Labels }, { lease: Lease }>;
  'Leases.Delete': Call<{ id: string; sync?: boolean }>;
  'Leases.List': Call<{ filters?: string[] }, { leases: Lease[] }>;
  'Leases.AddResource': Call<{ id: string; resource: LeaseResource }>;
  'Leases.DeleteResource': Call<{ id: string; resource: LeaseResource }>;
  'Leases.ListResources': Call<{ id: string }, { resources: LeaseResource[] }>;

  'Namespaces.Get': Call<{ name: string }, { namespace: { name: string; labels: Labels } }>;
  'Namespaces.List': Call<{ filter?: string }, { namespaces: { name: string; labels: Labels }[] }>;
  'Namespaces.Create': Call<{ namespace: { name: string; labels?: Labels } }, { namespace: { name: string; labels: Labels } }>;
  'Namespaces.Delete': Call<{ name: string }>;

  'Introspection.Plugins': Call<{ filters?: string[] }, { plugins: Plugin[] }>;
  'Introspection.Server': Call<Empty, { uuid: string }>;
  'Version.Version': Call<Empty, { version: string; revision: string }>;
}

/** One request, a stream of answers. */
export interface Streams {
  'Events.Subscribe': Call<{ filters?: string[] }, Envelope>;
  'Content.List': Call<{ filters?: string[] }, { info: BlobInfo[] }>;
  'Content.Read': Call<{ digest: string; offset?: number; size?: number }, { offset: number; data: Buffer }>;
  'Snapshots.List': Call<Snapshotted<{ filters?: string[] }>, { info: Snapshot[] }>;
}

/** Messages that travel inside of `Any`, by their full name. */
export interface Payloads {
  'containerd.runc.v1.Options': { binaryName?: string; root?: string; noNewKeyring?: boolean; systemdCgroup?: boolean; shimCgroup?: string };
  'containerd.events.TaskExit': { containerId: string; id: string; pid: number; exitStatus: number; exitedAt: Timestamp | null };
  'containerd.events.TaskOOM': { containerId: string };
  'containerd.events.TaskStart': { containerId: string; pid: number };
  'containerd.events.TaskDelete': { containerId: string; id: string; pid: number; exitStatus: number; exitedAt: Timestamp | null };
  'io.containerd.cgroups.v1.Metrics': object;
  'io.containerd.cgroups.v2.Metrics': object;
}
