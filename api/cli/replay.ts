// replay.ts: `tallyd replay --at AT`: the Docker API, read-only, as it was at a moment
import { logUntil, foldTo } from '../../actors/past.ts';
import { Refused } from '../../actors/refused.ts';
import { openEngine } from '../../actors/restore.ts';
import { fingerprintOf } from '../../actors/checkpointing.ts';
import { linuxClock } from '../../actors/worlds/linux/clock.ts';
import { linuxHost } from '../../actors/worlds/linux/host.ts';
import { pastWorld } from '../../actors/worlds/past.ts';
import type { Log } from '../../events/log.ts';
import { rfc3339 } from '../../events/time.ts';
import { attachTo } from '../docker/app.ts';
import type { Face } from '../docker/face.ts';
import { rows } from '../docker/rows.ts';
import type { Row } from '../docker/route.ts';
import { UsageError } from '../flag-syntax.ts';
import { addressText, listenerOf } from '../listener-address.ts';
import { openListeners } from '../listeners.ts';
import type { Command, Terminal } from './commands.ts';
import { engineIdOf, positionOf, sourceOf, withLog, type Source } from './source.ts';
import { momentOf, readWords } from './words.ts';

const usage = 'tallyd replay --at AT [-H unix:///run/tallyd/replay.sock] [--data-root DIR | --event-log URL]';
const usualHost = 'unix:///run/tallyd/replay.sock';

export const replay: Command = async (given, terminal) => {
  const words = readWords({ usage, texts: { at: '', host: 'H' } }, given);
  const at = momentOf(words, 'at', linuxClock().now());
  if (at === null) throw new UsageError(`--at is missing\nusage: ${usage}`);
  const source = sourceOf(words);
  const hosts = words.list('host').length > 0 ? words.list('host') : [usualHost];
  const addresses = hosts.map(listenerOf);
  return withLog(source, async (log) => {
    const position = await positionOf(log, at);
    const { face, sentence } = await faceAt(log, position, 'time' in at ? at.time : null, source, terminal);
    const doorway = await openListeners(addresses, null, { count: 0 });
    try {
      doorway.serve((server) => attachTo(server, face, readOnly(sentence)));
      await terminal.write(`${sentence}\nexport DOCKER_HOST=${addressText(addresses[0]!)}\n`);
      await ended(terminal.signal);
    } finally {
      doorway.close();
      doorway.cut();
    }
    return 0;
  });
};

const ended = (signal: AbortSignal) => new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));

/** An engine that is never woken, on a log that ends at the position, in a world where time stands still. */
async function faceAt(log: Log, position: number, time: bigint | null, source: Source, terminal: Terminal): Promise<{ face: Face; sentence: string }> {
  const fingerprint = fingerprintOf(terminal.house);
  const then = time ?? (await foldTo(log, position, { fingerprint })).time;
  const sentence = `this is the past, ${rfc3339(then)} at position ${position}: what the log holds of it can be looked at, and nothing can be changed`;
  const dataRoot = source.dataRoot ?? '';
  const world = pastWorld({ time: then, sentence, dataRoot, host: linuxHost(async () => ({ version: '', revision: '' }), 'runc') });
  const complain = (message: string) => terminal.complain(`${message}\n`);
  const onFault = (stream: string, message: string) => complain(`${stream}: ${message}`);
  const { engine } = await openEngine({ id: engineIdOf(source), log: logUntil(log, position), world, fingerprint, onFault });
  const face: Face = {
    engine, version: terminal.version, commit: 'source', builtAt: '2026-11-25T00:00:00Z', dataRoot, labels: [], debug: false, liveRestore: false, defaultRuntime: 'runc',
    insecureRegistries: [], registryMirrors: [], httpProxy: '', httpsProxy: '', noProxy: '', report: complain,
  };
  return { face, sentence };
}

/** Whatever would wait for a daemon that is awake is refused instead. */
function readOnly(sentence: string): Row[] {
  const refuse: Row['answer'] = () => {
    throw new Refused('forbidden', sentence);
  };
  return rows.map((row) => (row.is === 'command' ? { ...row, is: 'query', answer: refuse } : row));
}
