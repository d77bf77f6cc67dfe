// why.ts: `tallyd why CONTAINER`: the chain of causes that led to its present state, and what it was refused
import type { Recorded } from '../../events/fact.ts';
import type { Log } from '../../events/log.ts';
import { foldTo } from '../../actors/past.ts';
import { viewOf, type Entity } from '../../actors/roster.ts';
import { dockerStatus } from '../../machines/container/status.ts';
import type { Command, Terminal } from './commands.ts';
import { aboutOf, catchUp } from './log.ts';
import { factJson, narrator } from './narrator.ts';
import { findPastContainers } from './past-containers.ts';
import { sourceOf, withLog } from './source.ts';
import { formatOf, readWords } from './words.ts';

const usage = 'tallyd why CONTAINER [--all] [--format text|json] [--data-root DIR | --event-log URL]';

/** What a fact is to the present state. */
type Part = 'asked' | 'refused' | 'cause' | 'consequence';

interface Account {
  readonly state: string;
  /** Of the request that the chain begins with, as its facts have it. */
  readonly request: string;
  /** In the order of the log. */
  readonly told: readonly { readonly part: Part; readonly fact: Recorded }[];
}

export const why: Command = async (given, terminal) => {
  const words = readWords({ usage, flags: { all: '' }, words: [1, 1] }, given);
  const format = formatOf(words);
  return withLog(sourceOf(words), async (log) => {
    const reference = words.rest[0]!;
    const stream = [...(await findPastContainers(log, reference)).streams].at(-1);
    if (stream === undefined) throw new Error(`no container was ever called ${reference}`);
    const account = await accountOf(log, stream);
    if (format === 'json') for (const { part, fact } of account.told) await terminal.write(`${JSON.stringify({ part, ...(JSON.parse(factJson(fact)) as object) })}\n`);
    else await tell(log, stream, account, words.flag('all'), terminal);
    return 0;
  });
};

async function accountOf(log: Log, stream: string): Promise<Account> {
  const own: Recorded[] = [];
  for await (const batch of log.read({ stream })) own.push(...batch);
  const chain = await causesOf(log, own.at(-1)!);
  const requests = new Set(chain.map(({ cause }) => cause.correlationId));
  // A turn may record several facts: what stands beside a cause is part of it.
  const turns = new Set(chain.map(({ cause }) => cause.commandId));
  const asked = new Set(own.filter(({ cause }) => cause.causation === null).map(({ position }) => position));
  const told: { part: Part; fact: Recorded }[] = [];
  for await (const batch of log.read({ from: own[0]!.position })) {
    for (const fact of batch) {
      const part = partOf(fact);
      if (part) told.push({ part, fact });
    }
  }
  return { state: await stateOf(log, stream), request: chain[0]!.cause.correlationId, told };

  function partOf(fact: Recorded): Part | null {
    if (turns.has(fact.cause.commandId)) return 'cause';
    if (fact.type === 'refusal.recorded') return aboutOf(fact) === stream ? 'refused' : null;
    if (asked.has(fact.position)) return 'asked';
    return requests.has(fact.cause.correlationId) ? 'consequence' : null;
  }
}

/** From the first, which nobody's effect but a client or the daemon asked for, to the last. */
async function causesOf(log: Log, last: Recorded): Promise<Recorded[]> {
  const chain = [last];
  for (let at = last.cause.causation; at !== null; ) {
    const fact = await factAt(log, at);
    if (!fact) break;
    chain.unshift(fact);
    at = fact.cause.causation;
  }
  return chain;
}

/** Null: it is damaged, or retention took it away. */
async function factAt(log: Log, position: number): Promise<Recorded | null> {
  for await (const batch of log.read({ from: position, to: position })) return batch[0] ?? null;
  return null;
}

async function stateOf(log: Log, stream: string): Promise<string> {
  const entity = (await foldTo(log, log.head())).entities.get(stream) as Entity<'container'> | undefined;
  if (!entity) return 'removed';
  if (entity.quarantined !== null) return `quarantined: ${entity.quarantined}`;
  const { state, context } = viewOf(entity);
  const status = dockerStatus(state, context);
  return status === 'exited' ? `exited with code ${context.run.exitCode}` : status;
}

const headings: Readonly<Record<Part, string>> = { asked: 'before that', refused: 'refused', cause: 'because', consequence: 'in the same requests' };

/** Lines of a heading that are shown, the newest ones; a restart loop of a month has a long chain. */
const shown = 40;

async function tell(log: Log, stream: string, { state, request, told }: Account, everything: boolean, terminal: Terminal): Promise<void> {
  const narrating = narrator();
  const lines = new Map<Part, string[]>([['cause', []], ['consequence', []], ['refused', []], ['asked', []]]);
  for (const { part, fact } of told) {
    if (!narrating.knows(fact)) await catchUp(log, narrating, fact);
    lines.get(part)!.push(narrating.line(fact));
  }
  const id = stream.slice('container-'.length);
  await terminal.write(`${narrating.nameOf(stream)} (${id.slice(0, 12)}) is ${state}; it began with request ${request}\n`);
  for (const [part, all] of lines) if (all.length > 0) await terminal.write(`\n${headings[part]}:\n${(everything ? all : shortened(all)).map((line) => `  ${line}\n`).join('')}`);
}

/** The first says how it began, the last ones what it came to. */
function shortened(lines: readonly string[]): readonly string[] {
  const left = lines.length - shown;
  return left <= 1 ? lines : [lines[0]!, `... ${left - 1} more, see --all`, ...lines.slice(1 - shown)];
}
