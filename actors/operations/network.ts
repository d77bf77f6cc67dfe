// network.ts: what clients ask of networks
import type { NetworkRecord } from '../../events/network.ts';
import { contains, firstAddress, formatSubnet, overlaps, parseAddress, parseSubnet } from '../../machines/network/ipam.ts';
import { askUntil, claim } from '../ask.ts';
import type { Engine } from '../engine.ts';
import { Refused } from '../refused.ts';
import { all, get, viewOf, type Entity, type Roster } from '../roster.ts';
import type { Asker } from '../turn.ts';
import { contextOf, findContainerIfAny } from './find-container.ts';
import { throwFailure } from './outcome.ts';

export type Network = Entity<'network'>;

export interface NetworkRequest {
  readonly name: string;
  readonly driver: string;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ipv6: boolean;
  readonly configs: readonly { readonly subnet: string; readonly range: string; readonly gateway: string }[];
  readonly options: Record<string, string>;
  readonly labels: Record<string, string>;
}

export const predefined: ReadonlySet<string> = new Set(['bridge', 'host', 'none', 'default']);
export const networkOf = (network: Network): NetworkRecord => viewOf(network).context.network;

/** By id, name or the beginning of an id, in this order. */
export function findNetwork(roster: Roster, wanted: string): Network {
  const named = roster.names.network.get(wanted);
  const found = get(roster, 'network', wanted) ?? (named === undefined ? undefined : get(roster, 'network', named));
  if (found && viewOf(found).state !== 'gone') return found;
  const matching = wanted === '' ? [] : [...all(roster, 'network')].filter(({ id }) => id.startsWith(wanted));
  if (matching.length > 1) throw new Refused('invalid', `${matching.length} matches found based on ID prefix: network ${wanted} is ambiguous`);
  if (!matching[0]) throw new Refused('notFound', `network ${wanted} not found`);
  return matching[0];
}

const bridgeOption = (name: string): string => `com.docker.network.bridge.${name}`;

function checked({ name, driver, ipv6, options }: NetworkRequest): void {
  if (name.trim() === '') throw new Refused('invalid', 'invalid name: name is empty');
  if (predefined.has(name)) throw new Refused('forbidden', `operation is not permitted on predefined ${name} network `);
  if (driver === 'host' || driver === 'null') throw new Refused('forbidden', `only one instance of "${driver}" network is allowed`);
  if (driver !== 'bridge') throw new Refused('notFound', `plugin "${driver}" not found`);
  if (ipv6) throw new Refused('notImplemented', 'IPv6 networks are not supported by this daemon yet');
  const bridge = options[bridgeOption('name')] ?? '';
  // Linux: IFNAMSIZ is 16 with its end.
  if (bridge !== '' && !/^[^\s/]{1,15}$/.test(bridge)) throw new Refused('invalid', `invalid bridge name: ${bridge}`);
}

/** What was asked for as the network's addresses; null: any that are free. */
function askedAddresses({ configs }: NetworkRequest): NetworkRecord['ipv4'] {
  const [config] = configs;
  if (!config || config.subnet === '') {
    if (config && (config.gateway !== '' || config.range !== '')) throw new Refused('invalid', 'invalid network config: no matching subnet for gateway or range');
    return null;
  }
  if (configs.length > 1) throw new Refused('notImplemented', 'a network of more than one subnet is not supported by this daemon yet');
  const subnet = parseSubnet(config.subnet);
  if (!subnet) throw new Refused('invalid', `invalid network config:\ninvalid subnet ${config.subnet}: invalid CIDR block notation`);
  const written = formatSubnet(subnet);
  if (written !== config.subnet) throw new Refused('invalid', `invalid network config:\ninvalid subnet ${config.subnet}: it should be ${written}`);
  return { subnet: written, gateway: gatewayOf(written, config.gateway), ...rangeOf(written, config.range) };
}

function gatewayOf(subnet: string, asked: string): string {
  const gateway = asked === '' ? firstAddress(subnet) : asked;
  if (gateway === null) throw new Refused('invalid', `invalid network config:\nsubnet ${subnet} has no address for a gateway`);
  if (parseAddress(gateway) === null || !contains(subnet, `${gateway}/32`)) {
    throw new Refused('invalid', `invalid network config:\ninvalid gateway ${gateway}: parent subnet is ${subnet}`);
  }
  return gateway;
}

function rangeOf(subnet: string, range: string): { range?: string } {
  if (range === '') return {};
  if (!parseSubnet(range) || !contains(subnet, range)) throw new Refused('invalid', `invalid network config:\ninvalid ip-range ${range}: parent subnet is ${subnet}`);
  return { range };
}

const isOn = (options: Record<string, string>, name: string): boolean => !['false', '0'].includes(options[bridgeOption(name)] ?? 'true');

function numberOf(option: string, otherwise: number): number {
  const number = option === '' ? otherwise : Number(option);
  if (!Number.isInteger(number) || number < 0) throw new Refused('invalid', `invalid MTU: ${option}`);
  return number;
}

/** Gives its id. */
export async function createNetwork(engine: Engine, request: NetworkRequest, mtu: number, asker: Asker): Promise<string> {
  await engine.ready;
  checked(request);
  const asked = askedAddresses(request);
  const id = engine.world.random.hex(32);
  const letGo = claim(engine, 'network', request.name, id, () => `network with name ${request.name} already exists`);
  try {
    await inTurn(engine, async () => {
      const network = recordOf(request, { id, mtu, ...(await propose(engine, asked)) });
      throwFailure(await askUntil(engine, 'network', id, { name: 'create', network }, asker, ['network.created', 'network.createFailed']));
    });
    return id;
  } finally {
    letGo();
  }
}

interface Proposal {
  readonly bridge: string;
  readonly ipv4: NonNullable<NetworkRecord['ipv4']>;
}

const recordOf = ({ name, internal, attachable, options, labels }: NetworkRequest, { id, mtu, bridge, ipv4 }: Proposal & { id: string; mtu: number }): NetworkRecord => ({
  id, name, driver: 'bridge', internal, attachable, options, labels, ipv4,
  bridge: options[bridgeOption('name')] || bridge,
  mtu: numberOf(options['com.docker.network.driver.mtu'] ?? '', mtu),
  masquerade: isOn(options, 'enable_ip_masquerade'), icc: isOn(options, 'enable_icc'), hostAddress: options[bridgeOption('host_binding_ipv4')] || '0.0.0.0',
});

const creations = new WeakMap<Engine, Promise<unknown>>();

/** Creations come one after the other: two at once must not be given the same bridge or subnet. */
function inTurn(engine: Engine, work: () => Promise<void>): Promise<void> {
  const mine = (creations.get(engine) ?? Promise.resolve()).then(work);
  creations.set(engine, mine.catch(() => undefined));
  return mine;
}

async function propose(engine: Engine, asked: NetworkRecord['ipv4']): Promise<Proposal> {
  const taken = [...all(engine.roster, 'network')].map(networkOf);
  const clash = asked && taken.find(({ ipv4 }) => ipv4 && overlaps(ipv4.subnet, asked.subnet));
  if (clash) throw new Refused('forbidden', 'invalid pool request: Pool overlaps with other one on this address space');
  const { bridge, subnet, gateway } = await engine.world.networks.propose(taken);
  return { bridge, ipv4: asked ?? { subnet, gateway } };
}

export async function removeNetwork(engine: Engine, wanted: string, asker: Asker): Promise<void> {
  await engine.ready;
  const { id } = findNetwork(engine.roster, wanted);
  throwFailure(await askUntil(engine, 'network', id, { name: 'remove' }, asker, ['network.removed', 'network.removeFailed']));
}

/** Gives the names of those that went. */
export async function pruneNetworks(engine: Engine, wanted: (network: Network) => boolean, asker: Asker): Promise<string[]> {
  await engine.ready;
  const removed: string[] = [];
  for (const network of [...all(engine.roster, 'network')]) {
    const { id, name } = networkOf(network);
    if (predefined.has(name) || Object.keys(viewOf(network).context.endpoints).length > 0 || !wanted(network)) continue;
    const gone = await removeNetwork(engine, id, asker).then(() => true, () => false);
    if (gone) removed.push(name);
  }
  return removed;
}

export const nameOfContainer = (roster: Roster, id: string): string => {
  const container = findContainerIfAny(roster, id);
  return container ? contextOf(container).name : '';
};
