// past.ts: the world as a look back has it: time stands still, and every door is closed
import { Refused } from '../refused.ts';
import type { Host, World } from '../world.ts';
import { seededRandom } from './simulated/random.ts';

export interface PastWorldOptions {
  /** At which time stands still, nanoseconds since the epoch. */
  readonly time: bigint;
  /** What it is that was wanted: said to whoever asks for more. */
  readonly sentence: string;
  /** Where the daemon kept its data: paths are still told. */
  readonly dataRoot: string;
  readonly host: Host;
}

export function pastWorld({ time, sentence, dataRoot, host }: PastWorldOptions): World {
  const refuse = () => {
    throw new Refused('forbidden', sentence);
  };
  /** All that is not named refuses when it is called. */
  const closed = <Door extends object>(open: Partial<Door>): Door =>
    new Proxy(open, { get: (known, key) => (key in known ? Reflect.get(known, key) : key === 'then' ? undefined : refuse) }) as Door;
  return {
    clock: {
      now: () => time,
      until: (at, signal) =>
        at <= time ? Promise.resolve() : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })),
    },
    random: seededRandom(1),
    runtime: closed<World['runtime']>({ up: false, runtimes: {}, usage: async () => 0 }),
    stdio: closed<World['stdio']>({ logPath: (id) => `${dataRoot}/containers/${id}/${id}-json.log` }),
    networks: closed<World['networks']>({}),
    images: closed<World['images']>({}),
    volumes: closed<World['volumes']>({ path: ({ name }) => `${dataRoot}/volumes/${name}/_data`, usage: async () => 0 }),
    host: { info: () => host.info(), exists: async () => false, makeFolder: async () => refuse() },
    close: async () => undefined,
    shutDown: async () => undefined,
  };
}
