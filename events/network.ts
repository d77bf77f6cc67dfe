// network.ts: the facts of a network, its leases of addresses among them
import * as v from 'valibot';
import { declare, fact, integer, record, type FactOf } from './fact.ts';
import { Failure } from './failure.ts';

/** A network as it was asked for, with what the daemon chose where nothing was said. */
export interface NetworkRecord {
  id: string;
  name: string;
  driver: 'bridge' | 'host' | 'null';
  /** Null for the drivers host and null. */
  ipv4: { subnet: string; gateway: string; range?: string } | null;
  /** Name of the Linux bridge; empty for the drivers host and null. */
  bridge: string;
  mtu: number;
  internal: boolean;
  attachable: boolean;
  masquerade: boolean;
  /** Traffic between its containers. */
  icc: boolean;
  /** Host address that ports are published on when none is asked for. */
  hostAddress: string;
  options: Record<string, string>;
  labels: Record<string, string>;
}

export const Endpoint = v.object({
  endpointId: v.string(),
  containerId: v.string(),
  /** `172.17.0.2`; empty for the drivers host and null. */
  address: v.string(),
  prefixLength: integer,
  /** `02:42:ac:11:00:02`; empty likewise. */
  mac: v.string(),
  aliases: v.array(v.string()),
});
export type Endpoint = v.InferOutput<typeof Endpoint>;

const none = v.object({});
export const network = declare('network', {
  createRequested: fact(null, v.object({ network: record<NetworkRecord>() }), {
    network: {
      id: 'a1b2', name: 'bridge', driver: 'bridge', ipv4: { subnet: '172.17.0.0/16', gateway: '172.17.0.1' }, bridge: 'tally0', mtu: 1500,
      internal: false, attachable: false, masquerade: true, icc: true, hostAddress: '0.0.0.0', options: {}, labels: {},
    },
  }),
  created: fact('create', none, {}),
  createFailed: fact(null, Failure, { reason: 'other', message: 'no free subnet' }),
  /** A lease of an address to a container, from its start to its end. */
  connected: fact('connect', Endpoint, {
    endpointId: 'e1', containerId: '4c01', address: '172.17.0.2', prefixLength: 16, mac: '02:42:ac:11:00:02', aliases: [],
  }),
  disconnected: fact('disconnect', v.object({ containerId: v.string() }), { containerId: '4c01' }),
  removeRequested: fact(null, none, {}),
  removed: fact('destroy', none, {}),
  removeFailed: fact(null, Failure, { reason: 'other', message: 'device is busy' }),
});
export type NetworkFact = FactOf<typeof network>;
