// figures.ts: what a container's processes use, from its cgroup and from its process in /proc
import { cpus, totalmem } from 'node:os';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Figures, Moved } from '../world.ts';

/** Null: there is no such file, or it says `max`, which is no number. */
function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}
const number = (text: string | null): number | null => (text !== null && /^\d+$/.test(text) ? Number(text) : null);

/** Lines as `name value`. */
function table(text: string | null): Record<string, number> {
  const rows = (text ?? '').split('\n').map((line) => line.split(/\s+/));
  return Object.fromEntries(rows.flatMap(([name, value]) => (name && value !== undefined && /^\d+$/.test(value) ? [[name, Number(value)]] : [])));
}

const tickNanos = 10_000_000;

/** Processor time of the whole machine. moby: daemon/stats_unix.go getSystemCPUUsage */
function machineNanos(): number {
  const [line = ''] = (read('/proc/stat') ?? '').split('\n');
  return line.split(/\s+/).slice(1, 8).reduce((sum, ticks) => sum + Number(ticks), 0) * tickNanos;
}

/** As `/proc/net/dev` of the container's own network namespace has it; its loopback is left out. */
function networks(pid: number): Record<string, Moved> {
  const found: Record<string, Moved> = {};
  for (const line of (read(`/proc/${pid}/net/dev`) ?? '').split('\n').slice(2)) {
    const [name = '', rest = ''] = line.split(':');
    const values = rest.trim().split(/\s+/).map(Number);
    const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0, , , , , txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = values;
    if (name.trim() !== 'lo') found[name.trim()] = { rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped };
  }
  return found;
}

type Own = Omit<Figures, 'machineNanos' | 'onlineCpus' | 'networks'>;

function ofVersion1(cgroup: string): Own | null {
  const file = (controller: string, name: string) => read(join('/sys/fs/cgroup', controller, cgroup, name));
  const total = number(file('cpuacct', 'cpuacct.usage'));
  if (total === null) return null;
  const ticks = table(file('cpuacct', 'cpuacct.stat'));
  const throttling = table(file('cpu', 'cpu.stat'));
  const limit = number(file('memory', 'memory.limit_in_bytes')) ?? totalmem();
  return {
    version: '1',
    cpu: {
      totalNanos: total,
      userNanos: (ticks.user ?? 0) * tickNanos,
      kernelNanos: (ticks.system ?? 0) * tickNanos,
      eachNanos: (file('cpuacct', 'cpuacct.usage_percpu') ?? '').split(' ').filter((part) => part !== '').map(Number),
      periods: throttling.nr_periods ?? 0, throttledPeriods: throttling.nr_throttled ?? 0, throttledNanos: throttling.throttled_time ?? 0,
    },
    memory: {
      usage: number(file('memory', 'memory.usage_in_bytes')) ?? 0,
      most: number(file('memory', 'memory.max_usage_in_bytes')) ?? 0,
      limit: Math.min(limit, totalmem()),
      failures: number(file('memory', 'memory.failcnt')) ?? 0,
      details: table(file('memory', 'memory.stat')),
    },
    pids: { current: number(file('pids', 'pids.current')) ?? 0, limit: number(file('pids', 'pids.max')) },
    blocks: (file('blkio', 'blkio.throttle.io_service_bytes_recursive') ?? '').split('\n').flatMap((line) => {
      const found = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line);
      return found ? [{ major: Number(found[1]), minor: Number(found[2]), operation: found[3]!.toLowerCase(), bytes: Number(found[4]) }] : [];
    }),
  };
}

function ofVersion2(cgroup: string): Own | null {
  const file = (name: string) => read(join('/sys/fs/cgroup', cgroup, name));
  const cpu = table(file('cpu.stat'));
  if (cpu.usage_usec === undefined) return null;
  const nanos = (micros: number | undefined) => (micros ?? 0) * 1000;
  return {
    version: '2',
    cpu: {
      totalNanos: nanos(cpu.usage_usec), userNanos: nanos(cpu.user_usec), kernelNanos: nanos(cpu.system_usec), eachNanos: null,
      periods: cpu.nr_periods ?? 0, throttledPeriods: cpu.nr_throttled ?? 0, throttledNanos: nanos(cpu.throttled_usec),
    },
    memory: {
      usage: number(file('memory.current')) ?? 0, most: null, limit: Math.min(number(file('memory.max')) ?? totalmem(), totalmem()), failures: 0,
      details: table(file('memory.stat')),
    },
    pids: { current: number(file('pids.current')) ?? 0, limit: number(file('pids.max')) },
    blocks: (file('io.stat') ?? '').split('\n').flatMap((line) => {
      const found = /^(\d+):(\d+) .*?rbytes=(\d+) wbytes=(\d+)/.exec(line);
      if (!found) return [];
      const [major, minor] = [Number(found[1]), Number(found[2])];
      return [{ major, minor, operation: 'read', bytes: Number(found[3]) }, { major, minor, operation: 'write', bytes: Number(found[4]) }];
    }),
  };
}

/** Null when the cgroup is gone. */
export function figuresOf(cgroup: string, pid: number, version: '1' | '2'): Figures | null {
  const own = version === '1' ? ofVersion1(cgroup) : ofVersion2(cgroup);
  return own && { ...own, machineNanos: machineNanos(), onlineCpus: cpus().length, networks: networks(pid) };
}
