// flag-table.ts: every option of the command line and of the configuration file, one row each

/** `map`: name=value, given again for each name. */
export type FlagKind = 'bool' | 'int' | 'string' | 'list' | 'map';
export type FlagValue = boolean | number | string | string[] | Record<string, string>;

export interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly kind: FlagKind;
  /** Its key in the configuration file; null where a file may not say it. */
  readonly key: string | null;
  readonly initial: FlagValue;
  readonly help: string;
  /** False: known from dockerd, and taken only with the value that it has by itself. */
  readonly supported: boolean;
  /** A sentence about what is wrong with one value, null when it is good. */
  readonly check?: (value: string) => string | null;
}

const isAddress = (value: string) => (/^(\d{1,3}\.){3}\d{1,3}$/.test(value) && value.split('.').every((part) => Number(part) < 256)) || /^[0-9a-fA-F:]*:[0-9a-fA-F:.]+$/.test(value);
const address = (value: string) => (isAddress(value) ? null : `${value} is not an ip address`);
const label = (value: string) => (/^[^=]+=/.test(value) ? null : `bad attribute format: ${value}`);
const host = (value: string) => (/^(unix|tcp|fd):\/\//.test(value) ? null : `Invalid bind address format: ${value}`);
const runtime = (value: string) => {
  const [name, path] = value.split('=');
  if (!name || !path) return `invalid runtime argument: ${value}`;
  return name === 'runc' ? `runtime name 'runc' is reserved` : null;
};
const level = (value: string) => (/^(debug|info|warn|error|fatal)$/.test(value) ? null : `invalid logging level: ${value}`);
const oneOf = (...words: string[]) => (value: string) => (words.includes(value) ? null : `must be ${words.join(' or ')}`);
const eventLog = (value: string) => (/^(memory:|sqlite:.+|kurrentdb(\+discover)?:\/\/.+)$/.test(value) ? null : 'must be sqlite:PATH or memory:');

const eventListen = (value: string) => (/^(\[[0-9a-fA-F:]+\]|[^:[\]/]+):\d{1,5}$/.test(value) ? null : 'must be an address and a port, as 127.0.0.1:2113');
const eventScratch = (value: string) => (/^[A-Za-z]\w*$/.test(value) ? null : 'must be a word that begins with a letter');

type Rest = Partial<Pick<Flag, 'short' | 'key' | 'check' | 'initial'>>;
const empty: Record<FlagKind, FlagValue> = { bool: false, int: 0, string: '', list: [], map: {} };
const row = (name: string, kind: FlagKind, help: string, supported: boolean, rest: Rest): Flag => ({
  name, kind, help, supported, key: name, initial: empty[kind], ...rest,
});
const flag = (name: string, kind: FlagKind, help: string, rest: Rest = {}) => row(name, kind, help, true, rest);
/** moby: daemon/command/config.go; each of these is refused with a sentence, not as unknown. */
const later = (name: string, kind: FlagKind = 'string', rest: Rest = {}) => row(name, kind, '', false, rest);

export const flags: readonly Flag[] = [
  flag('add-runtime', 'map', 'Register an additional OCI compatible runtime: NAME=PATH', { key: 'runtimes', check: runtime }),
  flag('bip', 'string', 'Address and subnet of the default bridge, as 192.168.5.1/24'),
  flag('bridge', 'string', `'none' disables the default bridge`, { short: 'b' }),
  flag('config-file', 'string', 'Configuration file in JSON', { key: null, initial: '/etc/tallyd/daemon.json' }),
  flag('containerd', 'string', 'Address of a containerd to use instead of an own one'),
  flag('data-root', 'string', 'What has to last: log, images, volumes', { initial: '/var/lib/tallyd' }),
  flag('debug', 'bool', 'Enable debug mode', { short: 'D' }),
  flag('default-runtime', 'string', 'Runtime of containers that name none', { initial: 'runc' }),
  flag('dns', 'list', 'DNS server of containers', { check: address }),
  flag('dns-opt', 'list', 'DNS option of containers', { key: 'dns-opts' }),
  flag('dns-search', 'list', 'DNS search domain of containers'),
  flag('event-log', 'string', 'Where the history is kept: sqlite:PATH or memory: (default under the data root)', { check: eventLog }),
  flag('event-listen', 'string', 'Where to serve the history to clients of KurrentDB: LOOPBACK:PORT', { check: eventListen }),
  flag('event-scratch', 'string', 'Streams that such clients may append to begin with this', { check: eventScratch }),
  flag('exec-root', 'string', 'What lasts as long as the machine is up', { initial: '/run/tallyd' }),
  flag('group', 'string', 'Group of the unix socket', { short: 'G', initial: 'docker' }),
  flag('host', 'list', 'Where to serve the API: unix://PATH, tcp://LOOPBACK:PORT or fd://', { short: 'H', key: 'hosts', check: host }),
  flag('icc', 'bool', 'Traffic between containers of the default bridge', { initial: true }),
  flag('iptables', 'bool', 'Add rules for outgoing traffic and published ports', { initial: true }),
  flag('label', 'list', 'A label of this daemon: KEY=VALUE', { key: 'labels', check: label }),
  flag('live-restore', 'bool', 'Containers go on running when the daemon is stopped'),
  flag('log-level', 'string', 'debug, info, warn, error or fatal', { short: 'l', initial: 'info', check: level }),
  flag('mtu', 'int', 'MTU of container networks', { initial: 1500 }),
  flag('pidfile', 'string', `The daemon's pid file (default under the exec root)`, { short: 'p' }),
  flag('seed', 'int', 'What the simulated world is made of', { initial: 1 }),
  flag('shutdown-timeout', 'int', 'Seconds that containers have to stop when the daemon does; -1: no limit', { initial: 15 }),
  flag('validate', 'bool', 'Check the configuration and exit', { key: null }),
  flag('version', 'bool', 'Print the version and exit', { short: 'v', key: null }),
  flag('help', 'bool', 'Print this and exit', { short: 'h', key: null }),
  flag('world', 'string', 'linux: real containers; simulated: none of it is real', { initial: 'linux', check: oneOf('linux', 'simulated') }),

  later('allow-direct-routing', 'bool'), later('authorization-plugin', 'list', { key: 'authorization-plugins' }), later('bip6'),
  later('bridge-accept-fwmark'), later('cdi-spec-dir', 'list', { key: 'cdi-spec-dirs' }), later('cgroup-parent'),
  later('containerd-namespace'), later('containerd-plugins-namespace'), later('cpu-rt-period', 'int'), later('cpu-rt-runtime', 'int'),
  later('cri-containerd', 'bool'), later('default-address-pool', 'list', { key: 'default-address-pools' }), later('default-cgroupns-mode'),
  later('default-gateway'), later('default-gateway-v6'), later('default-ipc-mode', 'string', { initial: 'private' }),
  later('default-network-opt', 'map', { key: 'default-network-opts' }), later('default-shm-size', 'string', { initial: '64m' }),
  later('default-stop-timeout', 'int', { initial: 10 }), later('default-ulimit', 'map', { key: 'default-ulimits' }),
  later('exec-opt', 'list', { key: 'exec-opts' }), later('experimental', 'bool'), later('feature', 'map', { key: 'features' }),
  later('firewall-backend', 'string', { initial: 'iptables' }), later('fixed-cidr'), later('fixed-cidr-v6'), later('host-gateway-ip', 'list', { key: 'host-gateway-ips' }),
  later('http-proxy'), later('https-proxy'), later('init', 'bool'), later('init-path'),
  later('insecure-registry', 'list', { key: 'insecure-registries' }), later('ip', 'string', { initial: '0.0.0.0' }), later('ip-forward', 'bool', { initial: true }),
  later('ip-forward-no-drop', 'bool'), later('ip-masq', 'bool', { initial: true }), later('ip6tables', 'bool', { initial: true }), later('ipv6', 'bool'),
  later('log-driver', 'string', { initial: 'json-file' }), later('log-format', 'string', { initial: 'text' }), later('log-opt', 'map', { key: 'log-opts' }),
  later('max-concurrent-downloads', 'int', { initial: 3 }), later('max-concurrent-uploads', 'int', { initial: 5 }),
  later('max-download-attempts', 'int', { initial: 5 }), later('metrics-addr'), later('network-control-plane-mtu', 'int', { initial: 1500 }),
  later('network-diagnostic-port', 'int'), later('no-new-privileges', 'bool'), later('no-proxy'),
  later('node-generic-resource', 'list', { key: 'node-generic-resources' }), later('nri-opts', 'map'), later('raw-logs', 'bool'),
  later('registry-mirror', 'list', { key: 'registry-mirrors' }), later('restart', 'bool', { short: 'r', key: null, initial: true }), later('rootless', 'bool'),
  later('seccomp-profile', 'string', { initial: 'builtin' }), later('selinux-enabled', 'bool'), later('storage-driver', 'string', { short: 's', initial: 'overlayfs' }),
  later('storage-opt', 'list', { key: 'storage-opts' }), later('swarm-default-advertise-addr'), later('tls', 'bool'), later('tlscacert'),
  later('tlscert'), later('tlskey'), later('tlsverify', 'bool'), later('userland-proxy', 'bool', { initial: true }), later('userland-proxy-path'),
  later('userns-remap'),
];

export const flagNamed: ReadonlyMap<string, Flag> = new Map(flags.map((each) => [each.name, each]));
export const flagShort: ReadonlyMap<string, Flag> = new Map(flags.flatMap((each) => (each.short ? [[each.short, each] as const] : [])));
export const flagKeyed: ReadonlyMap<string, Flag> = new Map(flags.flatMap((each) => (each.key ? [[each.key, each] as const] : [])));
