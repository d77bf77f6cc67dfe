// remote.ts: the log drivers that send lines elsewhere
import type { RemoteSettings } from '../frames.ts';
import type { Sink } from '../sink.ts';

export async function remoteSink(settings: RemoteSettings, onRelief: () => void): Promise<Sink> {
  throw new Error(`${settings.driver} ${typeof onRelief}`);
}
