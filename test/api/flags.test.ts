// flags.test.ts: the daemon's command line
import test from 'ava';
import { UsageError } from '../../api/flag-syntax.ts';
import { flags } from '../../api/flag-table.ts';
import { readOptions, type Options } from '../../api/flags.ts';

const noFile = () => null;
const options = (...words: string[]): Options => {
  const reading = readOptions(words, noFile);
  if (reading.ask !== 'run') throw new Error(`asks for ${reading.ask}`);
  return reading.options;
};

test('without options the daemon has roots, a socket and a log of its own', (t) => {
  const { hosts, dataRoot, execRoot, pidfile, eventLog, shutdownTimeout, world } = options();
  t.deepEqual(hosts, [{ kind: 'unix', path: '/run/tallyd/tallyd.sock' }]);
  t.deepEqual([dataRoot, execRoot, pidfile], ['/var/lib/tallyd', '/run/tallyd', '/run/tallyd/tallyd.pid']);
  t.is(eventLog, 'sqlite:/var/lib/tallyd/log/log.db');
  t.is(shutdownTimeout, 15);
  t.is(world, 'linux');
});

test('socket, pid file and log follow the roots', (t) => {
  const { hosts, pidfile, eventLog } = options('--data-root', '/a', '--exec-root=/b');
  t.deepEqual(hosts, [{ kind: 'unix', path: '/b/tallyd.sock' }]);
  t.is(pidfile, '/b/tallyd.pid');
  t.is(eventLog, 'sqlite:/a/log/log.db');
});

test('the word daemon may stand before the options', (t) => {
  t.true(options('daemon', '-D').debug);
});

test('options have the forms that dockerd reads', (t) => {
  const given = options('-D', '-lwarn', '--label', 'a=b', '--label=c=d=e', '-H', 'unix:///x', '-Htcp://127.0.0.1:2375', '--icc=false', '-p=/p', '--add-runtime', 'crun=/usr/bin/crun');
  t.true(given.debug);
  t.is(given.logLevel, 'debug');
  t.deepEqual(given.labels, ['a=b', 'c=d=e']);
  t.deepEqual(given.hosts, [{ kind: 'unix', path: '/x' }, { kind: 'tcp', host: '127.0.0.1', port: 2375 }]);
  t.false(given.icc);
  t.is(given.pidfile, '/p');
  t.deepEqual(given.runtimes, { crun: '/usr/bin/crun' });
});

const refused: [string, string][] = [
  ['--nope', 'unknown flag: --nope'],
  ['-x', "unknown shorthand flag: 'x' in -x"],
  ['foo', '"tallyd" accepts no argument(s).'],
  ['--label', 'flag needs an argument: --label'],
  ['-l', "flag needs an argument: 'l' in -l"],
  ['--label a', 'invalid argument "a" for "--label" flag: bad attribute format: a'],
  ['--label a=1 --label a=2', 'conflict labels for a=1 and a=2'],
  ['--mtu abc', 'invalid argument "abc" for "--mtu" flag: must be a whole number'],
  ['--mtu -5', 'invalid default MTU: -5'],
  ['-D=maybe', 'invalid argument "maybe" for "-D, --debug" flag: must be true or false'],
  ['--dns foo', 'invalid argument "foo" for "--dns" flag: foo is not an ip address'],
  ['--dns 1.2.3.400', 'invalid argument "1.2.3.400" for "--dns" flag: 1.2.3.400 is not an ip address'],
  ['--add-runtime x', 'invalid argument "x" for "--add-runtime" flag: invalid runtime argument: x'],
  ['--add-runtime runc=/x', `invalid argument "runc=/x" for "--add-runtime" flag: runtime name 'runc' is reserved`],
  ['--add-runtime a=/x --add-runtime a=/y', `invalid argument "a=/y" for "--add-runtime" flag: 'a' was already defined`],
  ['--default-runtime zz', "specified default runtime 'zz' does not exist"],
  ['-H foo://x', 'invalid argument "foo://x" for "-H, --host" flag: Invalid bind address format: foo://x'],
  ['-H unix://x', 'unix://x: the path of a unix socket must be absolute'],
  [`-H unix:///${'x'.repeat(120)}`, `unix:///${'x'.repeat(120)}: the path of a unix socket may have at most 107 bytes`],
  ['-H tcp://0.0.0.0:2375', 'tcp://0.0.0.0:2375: without TLS, which is not supported yet, the API is served on loopback addresses only'],
  ['-H tcp://127.0.0.1:99999', 'Invalid bind address format: tcp://127.0.0.1:99999'],
  ['-l loud', 'invalid argument "loud" for "-l, --log-level" flag: invalid logging level: loud'],
  ['--bip nonsense', 'invalid CIDR address: nonsense'],
  ['-b none --bip 192.168.5.1/24', 'You specified -b & --bip, mutually exclusive options. Please specify only one'],
  ['--iptables=false --icc=false', 'You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please set --icc or --iptables to true'],
  ['--data-root relative', '--data-root must be an absolute path, not "relative"'],
  ['--event-log nonsense', 'invalid argument "nonsense" for "--event-log" flag: must be sqlite:PATH or memory:'],
  ['--world real', 'invalid argument "real" for "--world" flag: must be linux or simulated'],
  ['--userns-remap default', '--userns-remap is an option of dockerd that tallyd does not support yet'],
  ['--tlsverify', '--tlsverify is an option of dockerd that tallyd does not support yet'],
];

for (const [words, message] of refused) {
  test(`${words.slice(0, 60)} is refused with a sentence`, (t) => {
    t.is(t.throws(() => options(...words.split(' ')), { instanceOf: UsageError }).message, message);
  });
}

test('an option of dockerd that is not supported yet may say what is so anyway', (t) => {
  t.notThrows(() => options('--userland-proxy=true', '--log-driver', 'json-file', '--ip-masq'));
});

test('every option of dockerd is known by its name', (t) => {
  const names = `add-runtime allow-direct-routing authorization-plugin bip bip6 bridge bridge-accept-fwmark cdi-spec-dir cgroup-parent config-file
    containerd containerd-namespace containerd-plugins-namespace cpu-rt-period cpu-rt-runtime cri-containerd data-root debug default-address-pool
    default-cgroupns-mode default-gateway default-gateway-v6 default-ipc-mode default-network-opt default-runtime default-shm-size default-stop-timeout
    default-ulimit dns dns-opt dns-search exec-opt exec-root experimental feature firewall-backend fixed-cidr fixed-cidr-v6 group host host-gateway-ip
    http-proxy https-proxy icc init init-path insecure-registry ip ip-forward ip-forward-no-drop ip-masq ip6tables iptables ipv6 label live-restore
    log-driver log-format log-level log-opt max-concurrent-downloads max-concurrent-uploads max-download-attempts metrics-addr mtu
    network-control-plane-mtu network-diagnostic-port no-new-privileges no-proxy node-generic-resource nri-opts pidfile raw-logs registry-mirror restart
    rootless seccomp-profile selinux-enabled shutdown-timeout storage-driver storage-opt swarm-default-advertise-addr tls tlscacert tlscert tlskey
    tlsverify userland-proxy userland-proxy-path userns-remap validate version`.split(/\s+/);
  const known = new Set(flags.map((flag) => flag.name));
  t.deepEqual(names.filter((name) => !known.has(name)), []);
});

test('--version, --help and --validate are asked for instead of a run', (t) => {
  t.is(readOptions(['-v'], noFile).ask, 'version');
  t.is(readOptions(['--help'], noFile).ask, 'help');
  t.is(readOptions(['--validate'], noFile).ask, 'validate');
});
