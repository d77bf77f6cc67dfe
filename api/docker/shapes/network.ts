// network.ts: a network in Docker's JSON
import { nameOfContainer, type Network } from '../../../actors/operations/network.ts';
import { viewOf, type Roster } from '../../../actors/roster.ts';
import type { Endpoint } from '../../../events/network.ts';

const ipamOf = (ipv4: { subnet: string; gateway: string; range?: string } | null): object[] =>
  ipv4 ? [{ Subnet: ipv4.subnet, ...(ipv4.range ? { IPRange: ipv4.range } : {}), Gateway: ipv4.gateway }] : [];

const endpointOf = (roster: Roster, { containerId, endpointId, mac, address, prefixLength }: Endpoint): object => ({
  Name: nameOfContainer(roster, containerId), EndpointID: endpointId, MacAddress: mac, IPv4Address: address === '' ? '' : `${address}/${prefixLength}`, IPv6Address: '',
});

/** Containers are told by an inspection, and by lists before 1.28. */
export function networkJson(roster: Roster, network: Network, { version, detailed }: { version: number; detailed: boolean }): object {
  const { network: record, createdAt, endpoints } = viewOf(network).context;
  const containers = detailed ? Object.values(endpoints).map((endpoint) => [endpoint.containerId, endpointOf(roster, endpoint)] as const) : [];
  return {
    Name: record.name,
    Id: record.id,
    Created: createdAt,
    Scope: 'local',
    Driver: record.driver,
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: record.options['com.docker.network.bridge.default_bridge'] || record.driver !== 'bridge' ? null : {}, Config: ipamOf(record.ipv4) },
    Internal: record.internal,
    Attachable: record.attachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: detailed || version < 28 ? Object.fromEntries(containers) : {},
    Options: record.options,
    Labels: record.labels,
  };
}
