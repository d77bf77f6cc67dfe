// networks.ts: /networks
import { createNetwork, findNetwork, networkOf, predefined, pruneNetworks, removeNetwork, type Network, type NetworkRequest } from '../../actors/operations/network.ts';
import { Refused } from '../../actors/refused.ts';
import { all, viewOf } from '../../actors/roster.ts';
import { nanoseconds } from '../../events/time.ts';
import { fromGoJson, type Shape } from './go-json.ts';
import { timeOf } from './moment.ts';
import { filters, hasLabels, type Filters } from './query.ts';
import { command, empty, json, query, type Answer, type Call, type Row } from './route.ts';
import { networkJson } from './shapes/network.ts';

const createShape: Shape = {
  fields: {
    Name: 'string', CheckDuplicate: 'bool', Driver: 'string', Scope: 'string', EnableIPv4: 'bool', EnableIPv6: 'bool', Internal: 'bool', Attachable: 'bool',
    Ingress: 'bool', ConfigOnly: 'bool', ConfigFrom: { fields: { Network: 'string' } }, Options: { map: 'string' }, Labels: { map: 'string' },
    IPAM: {
      fields: {
        Driver: 'string', Options: { map: 'string' },
        Config: { list: { fields: { Subnet: 'string', IPRange: 'string', Gateway: 'string', AuxiliaryAddresses: { map: 'string' } } } },
      },
    },
  },
};

interface CreateBody {
  readonly Name: string;
  readonly Driver: string;
  readonly EnableIPv4: boolean;
  readonly EnableIPv6: boolean;
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigOnly: boolean;
  readonly ConfigFrom: { readonly Network?: string };
  readonly Options: Record<string, string>;
  readonly Labels: Record<string, string>;
  readonly IPAM: { readonly Config?: readonly { readonly Subnet?: string; readonly IPRange?: string; readonly Gateway?: string }[] };
}

function requestOf(body: Partial<CreateBody>, version: number): NetworkRequest {
  if (body.Ingress || body.ConfigOnly || body.ConfigFrom?.Network) throw new Refused('notImplemented', 'ingress and config-only networks are not supported by this daemon');
  if (version >= 48 && body.EnableIPv4 === false) throw new Refused('notImplemented', 'networks without IPv4 are not supported by this daemon');
  return {
    name: body.Name ?? '', driver: body.Driver || 'bridge', internal: body.Internal ?? false, attachable: body.Attachable ?? false, ipv6: body.EnableIPv6 ?? false,
    options: body.Options ?? {}, labels: body.Labels ?? {},
    configs: (body.IPAM?.Config ?? []).map(({ Subnet = '', IPRange = '', Gateway = '' }) => ({ subnet: Subnet, range: IPRange, gateway: Gateway })),
  };
}

async function create({ engine, json: body, version, asker }: Call): Promise<Answer> {
  const asked = fromGoJson<CreateBody>('CreateRequest', createShape, await body());
  return json({ Id: await createNetwork(engine, requestOf(asked, version), 1500, asker), Warning: '' }, 201);
}

const known = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];

/** A value is a part of the name or id, or an expression for it. moby: filters.Match */
function matches(values: readonly string[], word: string): boolean {
  return values.some((value) => {
    try {
      return value === word || new RegExp(value).test(word);
    } catch {
      return false;
    }
  });
}

type Rule = (values: readonly string[], network: Network) => boolean;
const isUsed = (network: Network): boolean => predefined.has(networkOf(network).name) || Object.keys(viewOf(network).context.endpoints).length > 0;

function yes(values: readonly string[]): boolean {
  if (values.length > 1) throw new Refused('invalid', 'got more than one value for filter key "dangling"');
  if (!['0', '1', 'true', 'false'].includes(values[0]!)) {
    throw new Refused('invalid', 'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")');
  }
  return ['1', 'true'].includes(values[0]!);
}

const rules: Readonly<Record<string, Rule>> = {
  driver: (values, network) => values.includes(networkOf(network).driver),
  name: (values, network) => matches(values, networkOf(network).name),
  id: (values, network) => matches(values, network.id),
  label: (values, network) => hasLabels(networkOf(network).labels, values),
  scope: (values) => values.includes('local'),
  dangling: (values, network) => isUsed(network) !== yes(values),
  type: (values, network) => values.some((value) => {
    if (value !== 'builtin' && value !== 'custom') throw new Refused('invalid', `invalid filter: 'type'='${value}'`);
    return predefined.has(networkOf(network).name) === (value === 'builtin');
  }),
};

const passes = (given: Filters, network: Network): boolean => [...given].every(([name, values]) => values.length === 0 || rules[name]!(values, network));

function list({ roster, query: asked, version }: Call): Answer {
  const given = filters(asked, known);
  const found = [...all(roster, 'network')].filter((network) => viewOf(network).state !== 'creating' && passes(given, network));
  return json(found.map((network) => networkJson(roster, network, { version, detailed: version < 28 })));
}

const inspect = ({ roster, params, version }: Call): Answer => json(networkJson(roster, findNetwork(roster, params.id!), { version, detailed: true }));

async function remove({ engine, params, asker }: Call): Promise<Answer> {
  await removeNetwork(engine, params.id!, asker);
  return empty();
}

async function prune({ engine, query: asked, asker }: Call): Promise<Answer> {
  const given = filters(asked, ['label', 'label!', 'until']);
  const untils = given.get('until') ?? [];
  if (untils.length > 1) throw new Refused('invalid', 'more than one until filter specified');
  const until = timeOf(untils[0] ?? '', engine.world.clock.now());
  const without = given.get('label!') ?? [];
  const removed = await pruneNetworks(engine, (network) => {
    const { labels } = networkOf(network);
    const early = until === null || (nanoseconds(viewOf(network).context.createdAt) ?? 0n) <= until;
    return early && hasLabels(labels, given.get('label') ?? []) && (without.length === 0 || !hasLabels(labels, without));
  }, asker);
  return json({ NetworksDeleted: removed.length === 0 ? null : removed });
}

export const rows: readonly Row[] = [
  query('GET', '/networks', list),
  query('GET', '/networks/{id*}', inspect),
  command('POST', '/networks/create', create),
  command('DELETE', '/networks/{id*}', remove),
  command('POST', '/networks/prune', prune, { since: 25 }),
];
