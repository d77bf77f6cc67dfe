// rules.ts: what our chains hold, as text for iptables-restore
import type { NetworkRecord } from '../../events/network.ts';
import type { Names } from './names.ts';

/** A published port as the rules see it. */
export interface Redirect {
  readonly bridge: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly hostIp: string;
  readonly hostPort: number;
  readonly targetIp: string;
  readonly targetPort: number;
}

type Table = 'mangle' | 'filter' | 'nat';
const local = '-m addrtype --dst-type LOCAL';

/** The rules in the built-in chains that lead to ours. 127.0.0.0/8 is left to the proxy: such packets cannot leave the host. */
export const jumps = (names: Names): { table: Table; chain: string; rule: string; target: string }[] => [
  { table: 'mangle', chain: 'FORWARD', rule: '', target: names.guard },
  { table: 'filter', chain: 'FORWARD', rule: '', target: names.forward },
  { table: 'nat', chain: 'PREROUTING', rule: local, target: names.publish },
  { table: 'nat', chain: 'OUTPUT', rule: `! -d 127.0.0.0/8 ${local}`, target: names.publish },
  { table: 'nat', chain: 'POSTROUTING', rule: '', target: names.masquerade },
];

/** Chains by table. */
export const chains = (names: Names): Record<Table, string[]> => ({
  mangle: [names.guard],
  filter: [names.forward],
  nat: [names.publish, names.masquerade],
});

/**
 * The whole of our chains, in one transaction for each table: to declare a chain empties it first. So whatever was there, by us
 * before a crash or by somebody else, the outcome is the same. `missing` are jumps to add.
 */
export function render(names: Names, networks: readonly NetworkRecord[], redirects: readonly Redirect[], missing = jumps(names)): string {
  const rules: Record<Table, string[]> = {
    mangle: networks.flatMap((network) => guardRules(network).map((rule) => `-A ${names.guard} ${rule}`)),
    filter: networks.flatMap((network) => forwardRules(network).map((rule) => `-A ${names.forward} ${rule}`)),
    nat: [
      ...redirects.filter(isRouted).map((redirect) => `-A ${names.publish} ${redirectRule(redirect)}`),
      ...networks.flatMap((network) => masqueradeRules(network).map((rule) => `-A ${names.masquerade} ${rule}`)),
    ],
  };
  const tables = Object.entries(chains(names)) as [Table, string[]][];
  const text = tables.flatMap(([table, own]) => [
    `*${table}`,
    ...own.map((chain) => `:${chain} - [0:0]`),
    ...missing.filter((jump) => jump.table === table).map(({ chain, rule, target }) => `-I ${chain} ${rule} -j ${target}`),
    ...rules[table],
    'COMMIT',
  ]);
  return `${text.join('\n')}\n`;
}

/** Unlike Docker's isolation this keeps out whoever is forwarded, whichever daemon's bridge or network card it comes from. */
function guardRules({ bridge, internal }: NetworkRecord): string[] {
  if (internal) return [`-i ${bridge} ! -o ${bridge} -j DROP`, `! -i ${bridge} -o ${bridge} -j DROP`];
  return [`! -i ${bridge} -o ${bridge} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`];
}

function forwardRules({ bridge, internal, icc }: NetworkRecord): string[] {
  const among = `-i ${bridge} -o ${bridge} -j ${icc ? 'ACCEPT' : 'DROP'}`;
  if (internal) return [among];
  return [`-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT`, among, `-i ${bridge} -j ACCEPT`];
}

const masqueradeRules = ({ bridge, internal, masquerade, ipv4 }: NetworkRecord): string[] =>
  masquerade && !internal && ipv4 ? [`-s ${ipv4.subnet} ! -o ${bridge} -j MASQUERADE`] : [];

const isRouted = ({ hostIp }: Redirect): boolean => !hostIp.includes(':') && !hostIp.startsWith('127.');

/** From its own network a published port is reached through the proxy: a bridge does not send a packet back where it came from. */
function redirectRule({ bridge, protocol, hostIp, hostPort, targetIp, targetPort }: Redirect): string {
  const destination = hostIp === '0.0.0.0' ? '' : `-d ${hostIp}/32 `;
  return `${destination}! -i ${bridge} -p ${protocol} -m ${protocol} --dport ${hostPort} -j DNAT --to-destination ${targetIp}:${targetPort}`;
}
