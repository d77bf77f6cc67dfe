// verify.ts: `tallyd verify`: the whole log looked through: checksums, chain, mark, shapes, and the laws of the replay
import { fingerprintOf } from '../../actors/checkpointing.ts';
import { checkpointBreach, lookThrough } from '../../actors/laws.ts';
import type { Log } from '../../events/log.ts';
import { verifyLog } from '../../events/stores/verify.ts';
import type { Command } from './commands.ts';
import { fileOf, openSource, sourceOf, type Source } from './source.ts';
import { formatOf, readWords } from './words.ts';

const usage = 'tallyd verify [--format text|json] [--data-root DIR | --event-log URL]';

/** Something that is wrong, and exactly where. */
interface Trouble {
  readonly kind: string;
  readonly stream: string | null;
  readonly position: number | null;
  readonly message: string;
}

export const verify: Command = async (given, terminal) => {
  const words = readWords({ usage }, given);
  const format = formatOf(words);
  const source = sourceOf(words);
  const { facts, head, findings } = await verifyLog(fileOf(source));
  const troubles: readonly Trouble[] = [...findings, ...(await replayed(source, terminal.house))];
  for (const trouble of troubles) await terminal.write(`${format === 'json' ? JSON.stringify(trouble) : textOf(trouble)}\n`);
  const verdict = troubles.length === 0 ? 'sound' : `${troubles.length} ${troubles.length === 1 ? 'trouble' : 'troubles'}`;
  await terminal.write(format === 'json' ? `${JSON.stringify({ facts, head, sound: troubles.length === 0 })}\n` : `${facts} facts up to position ${head}: ${verdict}\n`);
  return troubles.length === 0 ? 0 : 1;
};

const textOf = ({ kind, stream, position, message }: Trouble): string => `${kind}${position === null ? '' : ` at ${position}`}${stream === null ? '' : ` in ${stream}`}: ${message}`;

/** What cannot even be opened has been told of already. */
async function replayed(source: Source, house: string): Promise<Trouble[]> {
  let log: Log;
  try {
    log = await openSource(source);
  } catch (error) {
    return [{ kind: 'damaged-file', stream: null, position: null, message: `it cannot be replayed: ${error instanceof Error ? error.message : String(error)}` }];
  }
  try {
    const troubles: Trouble[] = [];
    for await (const { breaches } of lookThrough(log)) troubles.push(...breaches.map(({ law, ...breach }) => ({ kind: law, ...breach })));
    const breach = await checkpointBreach(log, fingerprintOf(house));
    return breach ? [...troubles, { kind: breach.law, stream: breach.stream, position: breach.position, message: breach.message }] : troubles;
  } finally {
    await log.close();
  }
}
