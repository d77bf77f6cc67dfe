// default-networks.ts: the networks that are there without anybody having asked: bridge, host and none
import type { NetworkRecord } from '../events/network.ts';
import { formatSubnet, parseSubnet } from '../machines/network/ipam.ts';
import { ask } from './ask.ts';
import type { Engine } from './engine.ts';
import { all, viewOf } from './roster.ts';
import type { Asker } from './turn.ts';

export interface DefaultNetworks {
  /** `192.168.5.1/24`, or empty: any free subnet. */
  readonly bip: string;
  /** `none`: there is no default bridge. */
  readonly bridge: string;
  readonly mtu: number;
  readonly icc: boolean;
}

const plain = { ipv4: null, bridge: '', internal: false, attachable: false, masquerade: false, icc: true, hostAddress: '', options: {}, labels: {} };

/** What `--bip` says: its address is the gateway, and its network the subnet. */
export function subnetOf(bip: string): { subnet: string; gateway: string } {
  const subnet = parseSubnet(bip);
  return { subnet: subnet ? formatSubnet(subnet) : '', gateway: bip.split('/')[0] ?? '' };
}

async function bridgeRecord(engine: Engine, id: string, { bip, mtu, icc }: DefaultNetworks): Promise<NetworkRecord> {
  const taken = [...all(engine.roster, 'network')].map((network) => viewOf(network).context.network);
  const proposed = await engine.world.networks.propose(taken);
  const { subnet, gateway } = bip ? subnetOf(bip) : proposed;
  const prefix = 'com.docker.network.bridge';
  return {
    ...plain, id, name: 'bridge', driver: 'bridge', mtu, icc, masquerade: true, hostAddress: '0.0.0.0', bridge: proposed.bridge, ipv4: { subnet, gateway },
    options: {
      [`${prefix}.default_bridge`]: 'true', [`${prefix}.enable_icc`]: String(icc), [`${prefix}.enable_ip_masquerade`]: 'true',
      [`${prefix}.host_binding_ipv4`]: '0.0.0.0', [`${prefix}.name`]: proposed.bridge, 'com.docker.network.driver.mtu': String(mtu),
    },
  };
}

/** Asks for those that are missing; gives a sentence when the default bridge is there and is not what the options say. */
export async function askForDefaultNetworks(engine: Engine, options: DefaultNetworks): Promise<string | null> {
  const { random } = engine.world;
  const asker: Asker = { caller: { transport: 'internal' }, correlationId: random.uuid(), causation: null };
  const create = async (network: NetworkRecord) => void (await ask(engine, 'network', network.id, { name: 'create', network }, asker));
  const { network: names } = engine.roster.names;
  for (const [name, driver] of [['host', 'host'], ['none', 'null']] as const) {
    if (!names.has(name)) await create({ ...plain, id: random.hex(32), name, driver, mtu: options.mtu });
  }
  if (options.bridge === 'none') return null;
  const known = [...all(engine.roster, 'network')].find((network) => viewOf(network).context.network.name === 'bridge');
  if (!known) await create(await bridgeRecord(engine, random.hex(32), options));
  else return differs(viewOf(known).context.network, options);
  return null;
}

/** A bridge with containers on it cannot become another one under them. */
function differs({ ipv4, mtu, icc }: NetworkRecord, options: DefaultNetworks): string | null {
  const wanted = options.bip ? subnetOf(options.bip) : ipv4;
  if (wanted?.subnet === ipv4?.subnet && wanted?.gateway === ipv4?.gateway && mtu === options.mtu && icc === options.icc) return null;
  return `the default bridge keeps what it was made with: ${ipv4?.gateway} in ${ipv4?.subnet}, mtu ${mtu}, icc ${icc}`;
}
