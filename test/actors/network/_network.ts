// _network.ts: what the tests of networking share: daemons' network rooms of their own, and servers in sandboxes
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { instanceOf } from '../../../actors/network/names.ts';
import { linuxNetworks, type LinuxNetworks, type NetworksSettings } from '../../../actors/network/networks.ts';
import { openKeeper, type Keeper } from '../../../actors/stdio/keeper-client.ts';
import type { Publish } from '../../../actors/world.ts';
import type { Endpoint, NetworkRecord } from '../../../events/network.ts';
import { macFor, nextAddress, parseSubnet } from '../../../machines/network/ipam.ts';

const execute = promisify(execFile);

const missing = process.getuid?.() !== 0 ? 'root'
  : ['ip', 'iptables-restore', 'iptables-save', 'nsenter', 'unshare', 'busybox'].find((program) =>
    !['/usr/sbin', '/sbin', '/usr/bin', '/bin'].some((folder) => existsSync(join(folder, program))));

/** A test that needs root and the network tools. One at a time: the kernel changes its network tables under one lock anyway. */
export const networkTest = missing === undefined ? test.serial : test.skip;
if (missing !== undefined) console.error(`tests of networking are skipped: ${missing} is missing`);

/** Time enough for a machine with much else to do. */
const patience = 60_000;

/** Waits until `attempt` gives something and does not throw. */
export async function eventually<T>(what: string, attempt: () => Promise<T | null | undefined | false>): Promise<T> {
  const deadline = Date.now() + patience;
  for (;;) {
    let last: unknown = 'nothing';
    try {
      const value = await attempt();
      if (value !== null && value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not in ${patience} ms`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const run = async (command: string, ...args: string[]): Promise<string> =>
  (await execute(command, args, { timeout: 20_000, killSignal: 'SIGKILL' })).stdout;
/** Runs busybox in a network namespace. */
export const within = (namespace: string, ...args: string[]): Promise<string> => run('nsenter', `--net=${namespace}`, 'busybox', ...args);

/** The body of a web page; a container's server says who asked it. */
export async function page(url: string): Promise<string> {
  const answer = await fetch(url, { headers: { connection: 'close' }, signal: AbortSignal.timeout(20_000) });
  return answer.text();
}
export const pageWithin = (namespace: string, url: string): Promise<string> => within(namespace, 'wget', '-q', '-O', '-', url);
/** Whether a connection comes about; packets that are dropped are waited for two seconds. */
export const reaches = (namespace: string, address: string): Promise<boolean> =>
  run('nsenter', `--net=${namespace}`, 'busybox', 'timeout', '2', 'busybox', 'nc', address, '80', '-e', 'true').then(() => true, () => false);

export interface Container {
  readonly id: string;
  readonly namespace: string;
  readonly address: string;
  readonly ports: Record<string, { HostIp: string; HostPort: string }[] | null>;
}

export interface Daemon {
  readonly execRoot: string;
  readonly instance: string;
  readonly networks: LinuxNetworks;
  readonly keeper: Keeper;
  /** A network of its own, ensured. */
  network(changes?: Partial<NetworkRecord>): Promise<NetworkRecord>;
  endpoint(network: NetworkRecord, containerId: string): Endpoint;
  /** A sandbox on a network, with a web server on port 80. */
  container(network: NetworkRecord, publish?: readonly Publish[]): Promise<Container>;
  /** The network room of a daemon that starts after this one was killed. */
  again(): LinuxNetworks;
  /** What there is on the host with this daemon's names. */
  leftovers(): Promise<string[]>;
}

let number = 0;

export async function givenDaemon(t: ExecutionContext, options?: NetworksSettings['options']): Promise<Daemon> {
  const execRoot = mkdtempSync(join(tmpdir(), 'tallyd-network-'));
  const instance = instanceOf(execRoot);
  const keeper = await openKeeper(execRoot);
  const processes: ChildProcess[] = [];
  const opened: LinuxNetworks[] = [];
  const records: NetworkRecord[] = [];
  const addresses = new Set<string>();
  const again = () => {
    const networks = linuxNetworks({ execRoot, keeper, options });
    opened.push(networks);
    return networks;
  };
  const networks = again();
  t.teardown(async () => {
    for (const process of processes) process.kill('SIGKILL');
    await opened.at(-1)!.dispose();
    await Promise.all(opened.map((other) => other.close()));
    await keeper.end();
    rmSync(execRoot, { recursive: true, force: true });
  });

  const network = async (changes: Partial<NetworkRecord> = {}): Promise<NetworkRecord> => {
    const { bridge, subnet, gateway } = await networks.propose(records);
    const record: NetworkRecord = {
      id: `n${(number += 1)}`, name: 'net', driver: 'bridge', ipv4: { subnet, gateway }, bridge, mtu: 1500, internal: false,
      attachable: false, masquerade: true, icc: true, hostAddress: '0.0.0.0', options: {}, labels: {}, ...changes,
    };
    records.push(record);
    await networks.ensure(record);
    return record;
  };
  const endpoint = ({ ipv4 }: NetworkRecord, containerId: string): Endpoint => {
    const address = nextAddress(ipv4!, addresses)!;
    addresses.add(address);
    return { endpointId: `e${address}`, containerId, address, prefixLength: parseSubnet(ipv4!.subnet)!.prefixLength, mac: macFor(address), aliases: [] };
  };
  const container = async (record: NetworkRecord, publish: readonly Publish[] = []): Promise<Container> => {
    const id = `c${(number += 1)}`;
    const namespace = await networks.openSandbox(id);
    const point = endpoint(record, id);
    const ports = await networks.attach(id, 'web', record, point, publish);
    processes.push(serve(execRoot, id, namespace));
    await eventually(`the server of ${id}`, () => pageWithin(namespace, 'http://127.0.0.1/cgi-bin/who'));
    return { id, namespace, address: point.address, ports };
  };
  const leftovers = async () => [
    ...(await run('iptables-save')).split('\n').filter((line) => line.includes(`TLY-${instance}`)),
    ...readdirSync('/sys/class/net').filter((link) => link.startsWith(`tv${instance}-`) || link.startsWith(`tl${instance}-`)),
    ...(await run('cat', '/proc/self/mounts')).split('\n').filter((line) => line.includes(execRoot)),
    ...(existsSync(join(execRoot, 'network')) ? [join(execRoot, 'network')] : []),
  ];
  return { execRoot, instance, networks, keeper, network, endpoint, container, again, leftovers };
}

/** `GET /cgi-bin/who` answers the server's id and the caller's address. */
export function serve(folder: string, id: string, namespace: string): ChildProcess {
  const home = join(folder, `www-${id}`);
  mkdirSync(join(home, 'cgi-bin'), { recursive: true });
  const script = join(home, 'cgi-bin', 'who');
  writeFileSync(script, `#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n${id} %s' "$REMOTE_ADDR"\n`);
  chmodSync(script, 0o755);
  return spawn('nsenter', [`--net=${namespace}`, 'busybox', 'httpd', '-f', '-p', '0.0.0.0:80', '-h', home], { stdio: 'ignore' });
}

export const tcp80 = (HostPort: string, HostIp = ''): Publish[] => [{ containerPort: 80, protocol: 'tcp', bindings: [{ HostIp, HostPort }] }];
