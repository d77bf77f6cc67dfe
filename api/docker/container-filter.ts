// container-filter.ts: which containers a list is to show (moby: daemon/list.go)
import { Refused } from '../../actors/refused.ts';
import { contextOf, findContainer, findContainerIfAny, type Container } from '../../actors/operations/find-container.ts';
import { findImage } from '../../actors/operations/find-image.ts';
import { all, viewOf, type Roster } from '../../actors/roster.ts';
import { never } from '../../events/time.ts';
import { parseRange } from '../../machines/container/port.ts';
import { booleanFilter, hasLabels, type Filters } from './query.ts';
import { networksOf, portsOf } from './shapes/container-network.ts';
import { healthOf, statusOf } from './shapes/container-status.ts';

export const knownFilters: readonly string[] = [
  'ancestor', 'before', 'exited', 'expose', 'health', 'id', 'is-task', 'isolation', 'label', 'name', 'network', 'publish', 'since', 'status', 'volume',
];

type Test = (container: Container) => boolean;
type Maker = (values: readonly string[], roster: Roster) => Test;

const among = (what: string, filter: string, known: readonly string[]) => (values: readonly string[]) => {
  for (const value of values) {
    if (!known.includes(value)) throw new Refused('invalid', `invalid filter '${filter}=${value}': invalid value for ${what} (${value}): must be one of ${known.join(', ')}`);
  }
};
const checkStatus = among('state', 'status', ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']);
const checkHealth = among('health', 'health', ['none', 'starting', 'healthy', 'unhealthy']);

/** A value that is no pattern is taken as it is written. */
function pattern(value: string): RegExp {
  try {
    return new RegExp(value);
  } catch {
    return new RegExp(value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  }
}

const byName: Maker = (values) => {
  const patterns = values.map(pattern);
  return (container) => {
    const { name } = contextOf(container);
    return patterns.some((each) => each.test(`/${name}`) || each.test(name));
  };
};

const byExit: Maker = (values) => {
  const codes = values.map((value) => {
    if (!/^[+-]?\d+$/.test(value)) throw new Refused('invalid', `invalid filter 'exited=${value}': strconv.Atoi: parsing "${value}": invalid syntax`);
    return Number(value);
  });
  return (container) => {
    const { run } = contextOf(container);
    return ['exited', 'dead', 'removing'].includes(statusOf(container)) && run.startedAt !== never && codes.includes(run.exitCode);
  };
};

const byAncestor: Maker = (values, roster) => {
  const wanted = new Set(values.flatMap((value) => findImage(roster, value)?.id ?? []).map((hex) => `sha256:${hex}`));
  const records = [...all(roster, 'image')].map((image) => viewOf(image).context.image);
  // Images made on a wanted one count too.
  for (let size = -1; size !== wanted.size; ) {
    size = wanted.size;
    for (const { id, parent } of records) if (parent && wanted.has(parent)) wanted.add(id);
  }
  return (container) => wanted.has(contextOf(container).spec.image.id);
};

const byNetwork: Maker = (values, roster) => (container) =>
  Object.entries(networksOf(roster, container, 51, true)).some(([name, { NetworkID }]) =>
    values.some((value) => value === name || (NetworkID !== '' && NetworkID.startsWith(value))),
  );

const byVolume: Maker = (values) => (container) =>
  contextOf(container).spec.mounts.some(({ name, source, destination }) => values.includes(destination) || values.includes(name ?? source));

const byPort = (filter: 'publish' | 'expose'): Maker => (values) => {
  const wanted = new Set(values.flatMap((value) => portsWanted(filter, value)));
  return (container) =>
    Object.entries(portsOf(container)).some(([port, bindings]) => {
      if (filter === 'expose') return wanted.has(port);
      const protocol = port.split('/')[1] ?? 'tcp';
      return (bindings ?? []).some(({ HostPort }) => wanted.has(`${HostPort}/${protocol}`));
    });
};

function portsWanted(filter: string, value: string): string[] {
  if (value.includes(':')) throw new Refused('invalid', `filter for '${filter}' should not contain ':': ${value}`);
  const [digits = '', protocol = ''] = value.split('/');
  const range = parseRange(digits);
  if (!range) throw new Refused('invalid', `error while looking up for ${filter} ${value}: invalid port range`);
  return Array.from({ length: range.last - range.first + 1 }, (_, index) => `${range.first + index}/${protocol || 'tcp'}`);
}

const makers: Readonly<Record<string, Maker>> = {
  name: byName,
  id: (values, roster) => {
    const ids = new Set(values.flatMap((value) => (/^[0-9a-f]+$/.test(value) ? (findContainerIfAny(roster, value)?.id ?? []) : [])));
    return ({ id }) => ids.has(id) && values.some((value) => id.startsWith(value));
  },
  label: (values) => (container) => hasLabels(contextOf(container).spec.config.Labels, values),
  status: (values) => {
    checkStatus(values);
    return (container) => values.includes(statusOf(container));
  },
  health: (values) => {
    checkHealth(values);
    return (container) => values.includes(healthOf(container));
  },
  exited: byExit,
  ancestor: byAncestor,
  network: byNetwork,
  volume: byVolume,
};

export interface Selection {
  readonly roster: Roster;
  readonly filters: Filters;
  readonly all: boolean;
  /** Below 1: no limit. */
  readonly limit: number;
  /** Of old clients; the filters of the same names are their successors. */
  readonly before: string;
  readonly since: string;
}

const shown: ReadonlySet<string> = new Set(['running', 'paused', 'restarting']);

/** Newest first. */
export function selected(selection: Selection): Container[] {
  const { roster, filters, limit } = selection;
  const tests = testsOf(selection);
  const everything = selection.all || limit > 0 || filters.has('status');
  const bound = (filter: 'before' | 'since') => {
    const value = filters.get(filter)?.[0] ?? selection[filter];
    return value === '' ? null : findContainer(roster, value).id;
  };
  const [before, since] = [bound('before'), bound('since')];
  const found: Container[] = [];
  let waiting = before !== null;
  for (const container of [...all(roster, 'container')].reverse()) {
    if (container.id === since) break;
    if (waiting) {
      waiting = container.id !== before;
      continue;
    }
    if (container.snapshot.value === 'preparing') continue;
    if (!everything && !shown.has(statusOf(container))) continue;
    if (!tests.every((test) => test(container))) continue;
    if (limit > 0 && found.length === limit) break;
    found.push(container);
  }
  return found;
}

function testsOf({ filters, roster }: Selection): Test[] {
  const tests: Test[] = [];
  for (const [name, values] of filters) {
    const make = makers[name];
    if (make && values.length > 0) tests.push(make(values, roster));
  }
  // Nothing here belongs to a swarm.
  if (booleanFilter(filters, 'is-task')) tests.push(() => false);
  const [published, exposed] = [filters.get('publish') ?? [], filters.get('expose') ?? []];
  if (published.length + exposed.length > 0) {
    const [publish, expose] = [byPort('publish')(published, roster), byPort('expose')(exposed, roster)];
    tests.push((container) => publish(container) || expose(container));
  }
  return tests;
}
