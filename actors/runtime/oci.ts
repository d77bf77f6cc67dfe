// oci.ts: the part of the OCI runtime spec that is written here

export interface User { uid: number; gid: number; additionalGids?: number[] }
export interface Capabilities { bounding: string[]; effective?: string[]; permitted?: string[] }
export interface Process {
  terminal?: boolean;
  consoleSize?: { height: number; width: number };
  user: User;
  args: string[];
  env: string[];
  cwd: string;
  capabilities: Capabilities;
  rlimits?: { type: string; soft: number; hard: number }[];
  noNewPrivileges?: boolean;
  apparmorProfile?: string;
  oomScoreAdj: number;
}
export interface BindOrMount { destination: string; type: string; source: string; options: string[] }
export interface Namespace { type: 'mount' | 'network' | 'uts' | 'pid' | 'ipc' | 'cgroup'; path?: string }
export interface DeviceNode { type: string; path: string; major: number; minor: number; fileMode: number; uid: number; gid: number }
export interface DeviceRule { allow: boolean; type?: string; major?: number; minor?: number; access: string }
export interface Throttle { major: number; minor: number; rate: number }

export interface LinuxResources {
  devices?: DeviceRule[];
  memory?: { limit?: number; reservation?: number; swap?: number; swappiness?: number; disableOOMKiller?: boolean };
  cpu?: {
    shares?: number; quota?: number; period?: number; realtimeRuntime?: number; realtimePeriod?: number; cpus?: string; mems?: string;
  };
  pids?: { limit: number };
  blockIO?: {
    weight?: number;
    weightDevice?: { major: number; minor: number; weight: number }[];
    throttleReadBpsDevice?: Throttle[];
    throttleWriteBpsDevice?: Throttle[];
    throttleReadIOPSDevice?: Throttle[];
    throttleWriteIOPSDevice?: Throttle[];
  };
}

export interface SeccompArgument { index: number; value: number; valueTwo?: number; op: string }
export interface Seccomp {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[];
  syscalls: { names: string[]; action: string; errnoRet?: number; args?: SeccompArgument[] }[];
}

export interface Spec {
  ociVersion: string;
  process: Process;
  root: { path: string; readonly?: boolean };
  hostname?: string;
  mounts: BindOrMount[];
  annotations?: Record<string, string>;
  linux: {
    sysctl: Record<string, string>;
    resources: LinuxResources;
    cgroupsPath: string;
    namespaces: Namespace[];
    devices?: DeviceNode[];
    seccomp?: Seccomp;
    rootfsPropagation?: string;
    maskedPaths?: string[];
    readonlyPaths?: string[];
  };
}
