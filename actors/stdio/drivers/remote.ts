// remote.ts: the log drivers that send lines elsewhere
import type { RemoteSettings } from '../frames.ts';
import type { Line } from '../line-cutter.ts';
import type { Sink } from '../sink.ts';
import { fluentd } from './fluentd.ts';
import { gelf } from './gelf.ts';
import { journald } from './journald.ts';
import type { Outlet, OutletSettings } from './outlet.ts';
import { syslog } from './syslog.ts';

/** How a driver writes a line, and where to. Rejects when nobody is there who has to be before the container starts. */
export type Driver = (settings: RemoteSettings, outlet: OutletSettings) => Promise<{ encode: (line: Line) => Buffer; outlet: Outlet }>;

const drivers: Readonly<Record<RemoteSettings['driver'], Driver>> = { syslog, journald, fluentd, gelf };

/** Docker sends these no empty lines (moby: Log of each). */
const skipEmpty: ReadonlySet<RemoteSettings['driver']> = new Set(['syslog', 'gelf']);

export async function remoteSink(settings: RemoteSettings, onRelief: () => void): Promise<Sink> {
  const { bufferBytes, lossy } = settings;
  const { encode, outlet } = await drivers[settings.driver](settings, { bufferBytes, lossy, onRelief });
  return {
    take(line) {
      if (line.end > line.start || !skipEmpty.has(settings.driver)) outlet.send(encode(line));
    },
    flush: () => undefined,
    congested: () => outlet.congested(),
    close: () => outlet.close(),
  };
}
