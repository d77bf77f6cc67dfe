// info.ts: GET /info and GET /version
import { versions as nodeVersions } from 'node:process';
import type { Engine } from '../../../actors/engine.ts';
import { all, viewOf, type Roster } from '../../../actors/roster.ts';
import type { HostInfo } from '../../../actors/world.ts';
import { rfc3339 } from '../../../events/time.ts';
import { dockerStatus } from '../../../machines/container/status.ts';
import { subscriberCount } from '../event-stream.ts';
import type { Face } from '../face.ts';
import { highest, lowest, written } from '../versions.ts';

function counts(roster: Roster): { Containers: number; ContainersRunning: number; ContainersPaused: number; ContainersStopped: number; Images: number } {
  let running = 0;
  let paused = 0;
  let total = 0;
  for (const container of all(roster, 'container')) {
    const { state, context } = viewOf(container);
    const status = dockerStatus(state, context);
    total += 1;
    if (status === 'paused') paused += 1;
    if (status === 'running' || status === 'restarting') running += 1;
  }
  return { Containers: total, ContainersRunning: running, ContainersPaused: paused, ContainersStopped: total - running - paused, Images: [...all(roster, 'image')].length };
}

const logDrivers = ['fluentd', 'gelf', 'journald', 'json-file', 'local', 'syslog'];

/** Fields that came or went with a version of the API. moby: router/system getInfo */
const changing: readonly { readonly since?: number; readonly until?: number; readonly fields: (host: HostInfo, engine: Engine) => object }[] = [
  { until: 41, fields: ({ cgroupVersion }) => (cgroupVersion === '1' ? { KernelMemory: true, KernelMemoryTCP: true } : {}) },
  { until: 49, fields: () => ({ BridgeNfIptables: false, BridgeNfIp6tables: false }) },
  { since: 46, fields: () => ({ Containerd: { Address: '', Namespaces: { Containers: 'tallyd', Plugins: 'tallyd' } } }) },
  { since: 49, fields: () => ({ FirewallBackend: { Driver: 'iptables' } }) },
];

const commit = (ID: string, version: number) => (version < 49 ? { ID, Expected: ID } : { ID });

function registryConfig({ insecureRegistries, registryMirrors }: Face, version: number): object {
  return {
    ...(version < 47 ? { AllowNondistributableArtifactsCIDRs: null, AllowNondistributableArtifactsHostnames: null } : {}),
    InsecureRegistryCIDRs: insecureRegistries.filter((each) => each.includes('/')),
    IndexConfigs: { 'docker.io': { Name: 'docker.io', Mirrors: registryMirrors, Secure: true, Official: true } },
    Mirrors: registryMirrors,
  };
}

/** Rows of limits that are missing, as dockerd warns of them. */
function warningsOf({ limits, warnings, cgroupVersion }: HostInfo): string[] {
  const missing: [boolean, string][] = [
    [limits.memory, 'No memory limit support'], [limits.swap, 'No swap limit support'],
    [limits.oomKillDisable || cgroupVersion === '2', 'No oom kill disable support'],
    [limits.cpuCfs, 'No cpu cfs quota support'], [limits.cpuCfs, 'No cpu cfs period support'], [limits.cpuShares, 'No cpu shares support'],
    [limits.cpuset, 'No cpuset support'], [limits.ipv4Forwarding, 'IPv4 forwarding is disabled'],
  ];
  return [...missing.filter(([there]) => !there).map(([, sentence]) => `WARNING: ${sentence}`), ...warnings];
}

export function infoJson(face: Face, roster: Roster, host: HostInfo, version: number): object {
  const { engine } = face;
  const runtimes = Object.entries(engine.world.runtime.runtimes).map(([name, { path }]) => [name, { path, ...(version >= 44 ? { status: {} } : {}) }]);
  const { limits } = host;
  return {
    ID: engine.id,
    ...counts(roster),
    Driver: 'overlayfs',
    DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']],
    Plugins: { Volume: ['local'], Network: ['bridge', 'host', 'null'], Authorization: null, Log: logDrivers },
    MemoryLimit: limits.memory, SwapLimit: limits.swap, CpuCfsPeriod: limits.cpuCfs, CpuCfsQuota: limits.cpuCfs, CPUShares: limits.cpuShares,
    CPUSet: limits.cpuset, PidsLimit: limits.pids, IPv4Forwarding: limits.ipv4Forwarding,
    Debug: face.debug, NFd: 0, OomKillDisable: limits.oomKillDisable, NGoroutines: 0,
    SystemTime: rfc3339(engine.world.clock.now()),
    LoggingDriver: 'json-file', CgroupDriver: host.cgroupDriver, CgroupVersion: host.cgroupVersion,
    NEventsListener: subscriberCount(engine),
    KernelVersion: host.kernel, OperatingSystem: host.operatingSystem, OSVersion: host.osVersion, OSType: 'linux', Architecture: host.machine,
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: registryConfig(face, version),
    NCPU: host.cpus, MemTotal: host.memory, GenericResources: null, DockerRootDir: face.dataRoot,
    HttpProxy: face.httpProxy, HttpsProxy: face.httpsProxy, NoProxy: face.noProxy,
    Name: host.hostname, Labels: face.labels, ExperimentalBuild: false, ServerVersion: face.version,
    Runtimes: Object.fromEntries(runtimes) as object, DefaultRuntime: face.defaultRuntime,
    Swarm: { NodeID: '', NodeAddr: '', LocalNodeState: 'inactive', ControlAvailable: false, Error: '', RemoteManagers: null },
    LiveRestoreEnabled: face.liveRestore, Isolation: '', InitBinary: 'docker-init',
    ContainerdCommit: commit(host.containerdRevision, version), RuncCommit: commit(host.runcVersion, version), InitCommit: commit('', version),
    SecurityOptions: host.securityOptions,
    CDISpecDirs: [],
    ...Object.assign({}, ...changing.filter(({ since = 0, until = highest }) => version >= since && version <= until).map(({ fields }) => fields(host, engine))),
    Warnings: warningsOf(host),
  };
}

export function versionJson(face: Face, host: HostInfo): object {
  const own = {
    ApiVersion: written(highest), MinAPIVersion: written(lowest), GitCommit: face.commit, GoVersion: `node${nodeVersions.node}`, Os: 'linux',
    Arch: host.architecture, KernelVersion: host.kernel, BuildTime: face.builtAt,
  };
  return {
    Platform: { Name: `Tallyd ${face.version}` },
    Components: [
      { Name: 'Engine', Version: face.version, Details: { ...own, Experimental: 'false' } },
      { Name: 'containerd', Version: host.containerdVersion, Details: { GitCommit: host.containerdRevision } },
      { Name: 'runc', Version: host.runcVersion, Details: { GitCommit: '' } },
    ],
    Version: face.version,
    ...own,
  };
}
