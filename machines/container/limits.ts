// limits.ts: what is asked of memory, processors and devices, held against what this machine can (moby: verifyPlatformContainerResources)
import type { Resources } from '../../events/spec.ts';

/** What the machine's kernel and cgroups can do. */
export interface Machine {
  readonly cpus: number;
  readonly limits: {
    readonly memory: boolean; readonly swap: boolean; readonly cpuCfs: boolean; readonly cpuShares: boolean; readonly cpuset: boolean;
    readonly pids: boolean; readonly oomKillDisable: boolean; readonly ipv4Forwarding: boolean;
  };
}

/** A sentence that refuses the request, or what is left of it, with a warning for each thing left out. */
export type Checked<R extends Resources> = { readonly complaint: string } | { readonly resources: R; readonly warnings: readonly string[] };

/** moby: linuxMinMemory */
const leastMemory = 6 * 1024 * 1024;

type Rule = (resources: Resources, machine: Machine, update: boolean) => string | null;
type Discard = (resources: Resources, machine: Machine) => { warning: string | null; change: Partial<Resources> } | null;

const lost = (what: string, rest: string) => `Your kernel does not support ${what} or the cgroup is not mounted. ${rest}`;

const discards: readonly Discard[] = [
  (asked, { limits }) =>
    asked.Memory > 0 && !limits.memory ? { warning: lost('memory limit capabilities', 'Limitation discarded.'), change: { Memory: 0, MemorySwap: -1 } } : null,
  (asked, { limits }) =>
    asked.Memory > 0 && asked.MemorySwap !== -1 && !limits.swap
      ? { warning: lost('swap limit capabilities', 'Memory limited without swap.'), change: { MemorySwap: -1 } }
      : null,
  (asked, { limits }) =>
    asked.MemoryReservation > 0 && !limits.memory
      ? { warning: lost('memory soft limit capabilities', 'Limitation discarded.'), change: { MemoryReservation: 0 } }
      : null,
  (asked, { limits }) =>
    asked.OomKillDisable !== null && !limits.oomKillDisable
      ? { warning: asked.OomKillDisable ? 'Your kernel does not support OomKillDisable. OomKillDisable discarded.' : null, change: { OomKillDisable: null } }
      : null,
  (asked, { limits }) =>
    asked.PidsLimit !== null && !limits.pids ? { warning: lost('PIDs limit capabilities', 'PIDs limit discarded.'), change: { PidsLimit: null } } : null,
  (asked, { limits }) =>
    asked.CpuShares > 0 && !limits.cpuShares ? { warning: lost('CPU shares', 'Shares discarded.'), change: { CpuShares: 0 } } : null,
  (asked, { limits }) =>
    (asked.CpuPeriod !== 0 || asked.CpuQuota !== 0) && !limits.cpuCfs
      ? { warning: 'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.', change: { CpuPeriod: 0, CpuQuota: 0 } }
      : null,
  (asked, { limits }) =>
    (asked.CpusetCpus !== '' || asked.CpusetMems !== '') && !limits.cpuset
      ? { warning: lost('cpuset', 'Cpuset discarded.'), change: { CpusetCpus: '', CpusetMems: '' } }
      : null,
];

const rules: readonly Rule[] = [
  ({ Memory }) => (Memory !== 0 && Memory < leastMemory ? 'Minimum memory limit allowed is 6MB' : null),
  ({ Memory, MemorySwap }) =>
    Memory > 0 && MemorySwap > 0 && MemorySwap < Memory ? 'Minimum memoryswap limit should be larger than memory limit, see usage' : null,
  ({ Memory, MemorySwap }, _, update) =>
    Memory === 0 && MemorySwap > 0 && !update ? 'You should always set the Memory limit when using Memoryswap limit, see usage' : null,
  ({ MemorySwappiness }) =>
    MemorySwappiness !== null && MemorySwappiness !== -1 && (MemorySwappiness < 0 || MemorySwappiness > 100)
      ? `Invalid value: ${MemorySwappiness}, valid memory swappiness range is 0-100`
      : null,
  ({ MemoryReservation }) => (MemoryReservation > 0 && MemoryReservation < leastMemory ? 'Minimum memory reservation allowed is 6MB' : null),
  ({ Memory, MemoryReservation }) =>
    Memory > 0 && MemoryReservation > 0 && Memory < MemoryReservation
      ? 'Minimum memory limit can not be less than memory reservation limit, see usage'
      : null,
  ({ NanoCpus, CpuPeriod }) => (NanoCpus > 0 && CpuPeriod > 0 ? 'Conflicting options: Nano CPUs and CPU Period cannot both be set' : null),
  ({ NanoCpus, CpuQuota }) => (NanoCpus > 0 && CpuQuota > 0 ? 'Conflicting options: Nano CPUs and CPU Quota cannot both be set' : null),
  ({ NanoCpus }, { limits }) =>
    NanoCpus > 0 && !limits.cpuCfs ? 'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted' : null,
  ({ NanoCpus }, { cpus }) =>
    NanoCpus < 0 || NanoCpus > cpus * 1e9 ? `range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available` : null,
  ({ CpuShares }) => (CpuShares < 0 ? `invalid CPU shares (${CpuShares}): value must be a positive integer` : null),
  ({ CpuPeriod }) =>
    CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000)
      ? 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)'
      : null,
  ({ CpuQuota }) => (CpuQuota > 0 && CpuQuota < 1000 ? 'CPU cfs quota can not be less than 1ms (i.e. 1000)' : null),
  ({ CpusetCpus }, { cpus }) => complaintAboutSet('CPUs', 'cpuset cpus', CpusetCpus, cpus),
  ({ BlkioWeight }) => (BlkioWeight > 0 && (BlkioWeight < 10 || BlkioWeight > 1000) ? 'Range of blkio weight is from 10 to 1000' : null),
  ({ Ulimits }) => (Ulimits ?? []).map(complaintAboutUlimit).find((complaint) => complaint !== null) ?? null,
];

/** `0-2,4`: each number must be one of the machine's processors. */
function complaintAboutSet(what: string, field: string, text: string, count: number): string | null {
  if (text === '') return null;
  for (const part of text.split(',')) {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!range) return `Invalid value ${text} for ${field}: invalid format: ${part}`;
    if (Number(range[2] ?? range[1]) >= count) return `Requested ${what} are not available - requested ${text}, available: ${count === 1 ? '0' : `0-${count - 1}`}`;
  }
  return null;
}

const ulimits: ReadonlySet<string> = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(' '),
);
function complaintAboutUlimit({ Name, Soft, Hard }: { Name: string; Soft: number; Hard: number }): string | null {
  if (!ulimits.has(Name.toLowerCase())) return `invalid ulimit type: ${Name}`;
  return Hard !== -1 && (Soft === -1 || Soft > Hard) ? `ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}` : null;
}

export function checkedResources<R extends Resources>(asked: R, machine: Machine, update: boolean): Checked<R> {
  let resources = { ...asked, MemorySwappiness: asked.MemorySwappiness === -1 ? null : asked.MemorySwappiness };
  const warnings: string[] = [];
  for (const discard of discards) {
    const discarded = discard(resources, machine);
    if (!discarded) continue;
    resources = { ...resources, ...discarded.change };
    if (discarded.warning !== null) warnings.push(discarded.warning);
  }
  for (const rule of rules) {
    const complaint = rule(resources, machine, update);
    if (complaint !== null) return { complaint };
  }
  if (resources.OomKillDisable && resources.Memory === 0) {
    warnings.push('OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.');
  }
  return { resources, warnings };
}
