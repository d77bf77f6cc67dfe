// container-stats.ts: what a container uses, as `docker stats` is told of it (moby: daemon/daemon_unix.go stats)
import type { Figures } from '../../../actors/world.ts';
import { never } from '../../../events/time.ts';

export interface Sample {
  /** RFC 3339. */
  readonly at: string;
  readonly figures: Figures | null;
}

const cpu = (figures: Figures | null) => {
  if (!figures) return { cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 }, throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 } };
  const { totalNanos, kernelNanos, userNanos, eachNanos, periods, throttledPeriods, throttledNanos } = figures.cpu;
  return {
    cpu_usage: { total_usage: totalNanos, ...(eachNanos ? { percpu_usage: eachNanos } : {}), usage_in_kernelmode: kernelNanos, usage_in_usermode: userNanos },
    system_cpu_usage: figures.machineNanos,
    online_cpus: figures.onlineCpus,
    throttling_data: { periods, throttled_periods: throttledPeriods, throttled_time: throttledNanos },
  };
};

const memory = (figures: Figures | null) => {
  if (!figures) return {};
  const { usage, most, limit, failures, details } = figures.memory;
  return { usage, ...(most === null ? {} : { max_usage: most }), stats: details, ...(failures > 0 ? { failcnt: failures } : {}), limit };
};

/** Lists that only cgroups of version 1 had are null for version 2. */
const blocks = (figures: Figures | null) => {
  const rest = figures?.version === '1' ? [] : null;
  return {
    io_service_bytes_recursive: figures ? figures.blocks.map(({ major, minor, operation, bytes }) => ({ major, minor, op: operation, value: bytes })) : null,
    io_serviced_recursive: rest, io_queue_recursive: rest, io_service_time_recursive: rest, io_wait_time_recursive: rest, io_merged_recursive: rest,
    io_time_recursive: rest, sectors_recursive: rest,
  };
};

const networks = (figures: Figures | null) =>
  Object.fromEntries(
    Object.entries(figures?.networks ?? {}).map(([name, moved]) => [
      name,
      {
        rx_bytes: moved.rxBytes, rx_packets: moved.rxPackets, rx_errors: moved.rxErrors, rx_dropped: moved.rxDropped,
        tx_bytes: moved.txBytes, tx_packets: moved.txPackets, tx_errors: moved.txErrors, tx_dropped: moved.txDropped,
      },
    ]),
  );

/** `before` is the sample that usage is counted from. */
export function shownStats({ id, name }: { id: string; name: string }, { at, figures }: Sample, before: Sample | null) {
  const found = networks(figures);
  return {
    name: `/${name}`,
    id,
    read: at,
    preread: before?.at ?? never,
    pids_stats: figures ? { current: figures.pids.current, ...(figures.pids.limit === null ? {} : { limit: figures.pids.limit }) } : {},
    blkio_stats: blocks(figures),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu(figures),
    precpu_stats: cpu(before?.figures ?? null),
    memory_stats: memory(figures),
    ...(Object.keys(found).length > 0 ? { networks: found } : {}),
  };
}
