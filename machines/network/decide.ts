// decide.ts: which facts a command on a network leads to, or why it is refused
import type { Failure } from '../../events/failure.ts';
import type { Endpoint, NetworkFact, NetworkRecord } from '../../events/network.ts';
import { refuse, type Decision } from '../refusal.ts';
import type { Context, NetworkState } from './chart.ts';
import { contains, macFor, nextAddress } from './ipam.ts';

export type NetworkCommand =
  | { name: 'create'; network: NetworkRecord }
  /** A lease for the time of a run; asked again by the same container it is the same lease. */
  | { name: 'connect'; containerId: string; endpointId: string; address: string | null; mac: string | null; aliases: string[] }
  | { name: 'disconnect'; containerId: string }
  | { name: 'remove' };
export type NetworkReport =
  | { name: 'reportCreated' }
  | { name: 'reportCreateFailed'; failure: Failure }
  | { name: 'reportRemoved' }
  | { name: 'reportRemoveFailed'; failure: Failure };

export interface View {
  readonly state: NetworkState;
  readonly context: Context;
}
type Verdict = Decision<NetworkFact>;

function connect({ context }: View, command: Extract<NetworkCommand, { name: 'connect' }>): Verdict {
  const { network, endpoints } = context;
  if (endpoints[command.containerId]) return [];
  const { containerId, endpointId, aliases } = command;
  if (!network.ipv4) return [{ type: 'network.connected', data: { endpointId, containerId, address: '', prefixLength: 0, mac: '', aliases } }];
  const taken = new Set(Object.values(endpoints).map((endpoint) => endpoint.address));
  if (command.address !== null) {
    if (!contains(network.ipv4.subnet, `${command.address}/32`)) return refuse('invalid', `no configured subnet contains IP address ${command.address}`);
    if (taken.has(command.address) || command.address === network.ipv4.gateway) return refuse('forbidden', 'Address already in use');
  }
  const address = command.address ?? nextAddress(network.ipv4, taken);
  if (address === null) return refuse('failed', `no available IPv4 addresses on this network's address pools: ${network.name} (${network.id})`);
  const endpoint: Endpoint = {
    endpointId, containerId, aliases, address, prefixLength: Number(network.ipv4.subnet.split('/')[1]), mac: command.mac ?? macFor(address),
  };
  return [{ type: 'network.connected', data: endpoint }];
}

function remove({ context }: View): Verdict {
  const { network, endpoints } = context;
  if (['bridge', 'host', 'none'].includes(network.name)) return refuse('forbidden', `${network.name} is a pre-defined network and cannot be removed`);
  const used = Object.keys(endpoints);
  if (used.length > 0) return refuse('forbidden', `error while removing network: network ${network.name} has active endpoints`);
  return [{ type: 'network.removeRequested', data: {} }];
}

export function decide(view: View, command: NetworkCommand | NetworkReport): Decision<NetworkFact> {
  if (command.name === 'create') {
    return view.state === 'absent' ? [{ type: 'network.createRequested', data: { network: command.network } }] : refuse('conflict', 'network exists already');
  }
  if (view.state === 'absent' || view.state === 'gone') return refuse('notFound', 'network not found');
  switch (command.name) {
    case 'connect':
      return connect(view, command);
    case 'disconnect':
      return view.context.endpoints[command.containerId] ? [{ type: 'network.disconnected', data: { containerId: command.containerId } }] : [];
    case 'remove':
      return remove(view);
    case 'reportCreated':
      return [{ type: 'network.created', data: {} }];
    case 'reportCreateFailed':
      return [{ type: 'network.createFailed', data: command.failure }];
    case 'reportRemoved':
      return [{ type: 'network.removed', data: {} }];
    case 'reportRemoveFailed':
      return [{ type: 'network.removeFailed', data: command.failure }];
  }
}
