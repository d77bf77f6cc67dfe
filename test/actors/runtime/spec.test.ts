// spec.test.ts: the OCI spec of a run, held against what dockerd 20.10 made of the same request
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { capabilitiesFor, defaultCapabilities, ownCapabilities } from '../../../actors/runtime/capabilities.ts';
import { rootPropagation } from '../../../actors/runtime/mounts.ts';
import type { BindOrMount, Spec } from '../../../actors/runtime/oci.ts';
import { defaultSeccomp, givenSeccomp } from '../../../actors/runtime/seccomp.ts';
import { ociSpec, specJson, type Surroundings } from '../../../actors/runtime/spec.ts';
import { WorldFailure, type Run } from '../../../actors/world.ts';
import type { ContainerConfig, HostConfig, MountPoint } from '../../../events/spec.ts';
import { specOf } from './_box.ts';

type Json = Record<string, unknown>;
interface Row {
  /** Of `docker run`. */
  options: string;
  request: { config?: Partial<ContainerConfig>; hostConfig?: Partial<HostConfig> };
  points: MountPoint[];
  /** A merge patch (RFC 7396) on the plain spec. */
  changes: Json & { 'mounts+': BindOrMount[]; 'mounts-': string[] };
}
const dockerd = JSON.parse(readFileSync(new URL('./dockerd-specs.json', import.meta.url), 'utf8')) as { plain: Json; rows: Row[] };

const surroundings: Surroundings = {
  cgroupVersion: '1', cgroupParent: '/docker', architecture: 'amd64', kernel: '6.1.0', capabilities: [...defaultCapabilities, 'CAP_SYS_ADMIN'],
  init: '/usr/bin/docker-init', defaults: { init: false, noNewPrivileges: false, ulimits: [] },
};
const files = { '/etc/resolv.conf': '/files/resolv.conf', '/etc/hostname': '/files/hostname', '/etc/hosts': '/files/hosts' };

function root(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tallyd-root-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'etc'));
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  return folder;
}

const requestOf = ({ config = {}, hostConfig = {} }: Row['request'], mounts: MountPoint[] = []): Run => ({
  id: 'ID', name: 'web', image: null, hosts: [], dns: null, volumePaths: { '/anon': '/volumes/anon', '/vol': '/volumes/vol' },
  stdio: { stdin: '', stdout: '', stderr: '' }, join: {},
  networkNamespace: hostConfig.NetworkMode === 'host' ? null : '/netns',
  spec: specOf({ command: ['sleep', '1000'], config, hostConfig: { NetworkMode: 'default', ...hostConfig }, mounts }),
});

function specFor(t: ExecutionContext, row: Row['request'], points: MountPoint[] = [], host: Partial<Surroundings> = {}): Spec {
  const mode = row.hostConfig?.IpcMode;
  const sharedMemory = mode === 'host' ? '/dev/shm' : mode === 'shareable' ? '/files/mounts/shm' : null;
  return ociSpec(requestOf(row, points), { hostname: row.config?.Hostname ?? 'web', layers: [root(t)], files, sharedMemory }, { ...surroundings, ...host });
}

/** What differs in writing and not in effect: order of namespaces, empty lists, limits of zero, what is ours to name. */
function comparable(spec: Json): Json {
  const copy = JSON.parse(specJson(spec)) as { root: Json; mounts: Json[]; linux: Json; process: Json } & Json;
  delete copy['ociVersion'];
  delete copy.root['path'];
  // Docker hides it since 23.
  copy.linux['maskedPaths'] = (copy.linux['maskedPaths'] as string[] | undefined)?.filter((path) => path !== '/sys/devices/virtual/powercap');
  const linux = copy.linux as { namespaces: { type: string; path?: string }[]; resources: Json; seccomp?: { syscalls?: { names: string[] }[] } | null } & Json;
  linux.namespaces = linux.namespaces.map(({ type, path }) => ({ type, ...(path && type !== 'network' && { path }) })).toSorted((a, b) => (a.type < b.type ? -1 : 1));
  if (linux.seccomp?.syscalls) {
    const { syscalls } = linux.seccomp;
    Object.assign(linux, { seccomp: { rules: syscalls.length, calls: syscalls.reduce((sum, { names }) => sum + names.length, 0) } });
  }
  copy.mounts = copy.mounts.toSorted((a, b) => (String(a['destination']) < String(b['destination']) ? -1 : 1));
  return pruned(copy) as Json;
}

function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, pruned(inner)] as const).filter(([, inner]) => !isEmpty(inner)));
}
const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0);

function patched(target: unknown, patch: unknown): unknown {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...(target as Json) } : {};
  for (const [key, value] of Object.entries(patch)) base[key] = patched(base[key], value);
  return base;
}

const hostPaths = new Set(['/src']);
for (const { options, request, points, changes } of dockerd.rows) {
  test(`docker run ${options}: the same spec as dockerd's`, (t) => {
    const { 'mounts+': added, 'mounts-': dropped, ...patch } = changes;
    const mounts = (dockerd.plain['mounts'] as BindOrMount[]).filter(({ destination }) => !dropped.includes(destination));
    const expected = patched({ ...dockerd.plain, mounts: [...mounts, ...added] }, patch) as Json;
    // Bind sources have to exist, and /src does not: the root's own folder stands for it.
    const existing = points.map((point) => (hostPaths.has(point.source) ? { ...point, source: tmpdir() } : point));
    const spec = specFor(t, request, existing);
    for (const mount of spec.mounts) if (mount.source === tmpdir()) mount.source = '/src';
    t.deepEqual(comparable(spec as unknown as Json), comparable(expected));
  });
}

test('docker run busybox: the same spec as dockerd makes', (t) => {
  t.deepEqual(comparable(specFor(t, {}) as unknown as Json), comparable(dockerd.plain));
});

test('mounts come in the order of their depth, so that none hides another', (t) => {
  const point = (destination: string): MountPoint => ({ type: 'bind', source: tmpdir(), destination, mode: '', readWrite: true, propagation: '', copy: false });
  const order = specFor(t, {}, [point('/a/b/c'), point('/a'), point('/a/b')]).mounts.map(({ destination }) => destination);
  t.deepEqual(order.filter((destination) => destination.startsWith('/a')), ['/a', '/a/b', '/a/b/c']);
});

test('a privileged container gets all capabilities that the daemon can pass on, all devices, no seccomp profile and a writable /sys', (t) => {
  const spec = specFor(t, { hostConfig: { Privileged: true } });
  t.deepEqual(spec.process.capabilities.effective, [...surroundings.capabilities]);
  t.is(spec.linux.seccomp, undefined);
  t.deepEqual(spec.linux.resources.devices, [{ allow: true, access: 'rwm' }]);
  t.true(spec.linux.devices?.some(({ path }) => path === '/dev/null'));
  t.false(spec.mounts.some(({ destination, options }) => destination.startsWith('/sys') && options.includes('ro')));
  t.deepEqual(spec.linux.maskedPaths, []);
});

test('the daemon knows its own bounding set', (t) => {
  t.deepEqual(ownCapabilities('Name:\tx\nCapBnd:\t0000000000000021\n'), ['CAP_CHOWN', 'CAP_KILL']);
});

test('capabilities are named with and without CAP_, in any case, and ALL stands for all', (t) => {
  const available = ['CAP_CHOWN', 'CAP_KILL', 'CAP_SYS_ADMIN'];
  t.deepEqual(capabilitiesFor({ add: ['all'], drop: ['kill'], privileged: false }, available), ['CAP_CHOWN', 'CAP_SYS_ADMIN']);
  t.deepEqual(capabilitiesFor({ add: ['sys_admin'], drop: ['ALL'], privileged: false }, available), ['CAP_SYS_ADMIN']);
  t.throws(() => capabilitiesFor({ add: ['FLY'], drop: null, privileged: false }, available), { message: 'unknown capability: "CAP_FLY"' });
});

test('joined namespaces are named by the other container\'s process', (t) => {
  const run = { ...requestOf({ hostConfig: { PidMode: 'container:x', IpcMode: 'container:x' } }), join: { pid: 5, ipc: 6 } };
  const { namespaces } = ociSpec(run, { hostname: 'web', layers: [root(t)], files, sharedMemory: '/x/shm' }, surroundings).linux;
  t.deepEqual(namespaces.filter(({ type }) => type === 'pid' || type === 'ipc'), [{ type: 'pid', path: '/proc/5/ns/pid' }, { type: 'ipc', path: '/proc/6/ns/ipc' }]);
});

test('under cgroups v2 a container has cgroups of its own unless the host\'s are asked for', (t) => {
  const has = (mode: string) => specFor(t, { hostConfig: { CgroupnsMode: mode } }, [], { cgroupVersion: '2' }).linux.namespaces.some(({ type }) => type === 'cgroup');
  t.true(has(''));
  t.false(has('host'));
});

test('an unlimited ulimit is written as the kernel\'s infinity', (t) => {
  const spec = specFor(t, { hostConfig: { Ulimits: [{ Name: 'memlock', Soft: -1, Hard: -1 }] } });
  t.regex(specJson(spec), /\{"type":"RLIMIT_MEMLOCK","soft":18446744073709551615,"hard":18446744073709551615\}/);
});

test('--init without an init program is refused in words', (t) => {
  const error = t.throws(() => specFor(t, { hostConfig: { Init: true } }, [], { init: null }), { instanceOf: WorldFailure });
  t.is(error.failure.reason, 'invalid');
  t.regex(error.message, /docker-init/);
});

test('--gpus is refused in words', (t) => {
  t.throws(() => specFor(t, { hostConfig: { DeviceRequests: [{ Driver: '', Count: -1, Capabilities: [['gpu']] }] } }), {
    message: 'could not select device driver "" with capabilities: [[gpu]]',
  });
});

test('a bind whose source is missing is told by that source', (t) => {
  const point: MountPoint = { type: 'bind', source: '/no/such/path', destination: '/x', mode: '', readWrite: true, propagation: '', copy: false };
  const error = t.throws(() => specFor(t, {}, [point]), { instanceOf: WorldFailure });
  t.is(error.failure.reason, 'mountSourceMissing');
  t.regex(error.message, /bind source path does not exist: \/no\/such\/path/);
});

test('a container\'s own file at /etc/hosts stands before the one that is made for it', (t) => {
  const point: MountPoint = { type: 'bind', source: tmpdir(), destination: '/etc/hosts', mode: '', readWrite: true, propagation: '', copy: false };
  t.deepEqual(specFor(t, {}, [point]).mounts.filter(({ destination }) => destination === '/etc/hosts').map(({ source }) => source), [tmpdir()]);
});

test('a bind can only be shared when its source\'s own mount is', (t) => {
  const point = (propagation: string): MountPoint[] => [{ type: 'bind', source: '/tmp', destination: '/x', mode: '', readWrite: true, propagation, copy: false }];
  const table = (optional: string) => () => `20 1 8:1 / / rw - ext4 /dev/x rw\n21 20 0:5 / /tmp rw ${optional}- tmpfs tmpfs rw\n`;
  t.is(rootPropagation(point('rshared'), table('shared:7 ')), 'shared');
  t.is(rootPropagation(point('rslave'), table('master:7 ')), 'rslave');
  t.is(rootPropagation(point('rprivate'), table('')), '');
  t.throws(() => rootPropagation(point('rshared'), table('')), { message: 'path /tmp is mounted on /tmp but it is not a shared mount' });
});

const plainCircumstances = { architecture: 'amd64', kernel: '6.1.0', capabilities: defaultCapabilities };
const namesIn = (seccomp: ReturnType<typeof defaultSeccomp>) => seccomp.syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW').flatMap(({ names }) => names);

test('the default seccomp profile lets no container mount, and one with CAP_SYS_ADMIN can', (t) => {
  t.false(namesIn(defaultSeccomp(plainCircumstances)).includes('mount'));
  t.true(namesIn(defaultSeccomp({ ...plainCircumstances, capabilities: ['CAP_SYS_ADMIN'] })).includes('mount'));
});

test('the default seccomp profile knows the architecture and the kernel', (t) => {
  t.deepEqual(defaultSeccomp({ ...plainCircumstances, architecture: 'arm64' }).architectures, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
  t.false(namesIn(defaultSeccomp({ ...plainCircumstances, kernel: '4.4.0' })).includes('ptrace'));
});

test('a seccomp profile of the user\'s own is taken with its conditions', (t) => {
  const profile = JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW', archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
    syscalls: [
      { names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
      { names: ['reboot'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_BOOT'] } },
    ],
  });
  t.deepEqual(givenSeccomp(profile, plainCircumstances), {
    defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
  });
  t.throws(() => givenSeccomp('{', plainCircumstances), { message: /^Decoding seccomp profile failed/ });
});
