// narrator.ts: a fact as one line that people read: when, of what, what happened, who asked, what it came of
import type { Caller, Recorded } from '../../events/fact.ts';
import { idOf, kindOf, type AnyFact } from '../../events/index.ts';
import { rfc3339 } from '../../events/time.ts';

/** Always nine digits, so that columns line up. */
export function fixedTime(time: bigint): string {
  const text = rfc3339(time);
  return `${text.slice(0, 19)}.${text.slice(20, -1).padEnd(9, '0')}Z`;
}

const short = (id: string): string => (/^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id);

type DataOf<Type extends AnyFact['type']> = Extract<AnyFact, { type: Type }>['data'];

/** What an entity is called, by the facts that name it. */
const names: { readonly [Type in AnyFact['type']]?: (data: DataOf<Type>) => string } = {
  'container.createRequested': ({ name }) => name,
  'container.renamed': ({ name }) => name,
  'network.createRequested': ({ network }) => network.name,
  'image.tagged': ({ name }) => name,
  'image.referenced': ({ reference }) => reference.replace(/^docker\.io\/(library\/)?/, ''),
};

type Restart = DataOf<'container.restartScheduled'>;

/** Why a container was started, in words. */
function startReason({ why }: DataOf<'container.startRequested'>, last: Restart | undefined): string {
  if (why === 'restartPolicy') return last ? `restarted by its policy ${last.policy}, attempt ${last.attempt}, after exit code ${last.exitCode}` : 'restarted by its policy';
  return { asked: 'start requested', restart: 'started again, as a restart asks', daemonStart: 'started with the daemon, as its restart policy says' }[why];
}

/** Facts that say more, or less, than their name and their data. */
const sentences: { readonly [Type in AnyFact['type']]?: (data: DataOf<Type>) => string } = {
  'container.createRequested': ({ spec }) => `create requested: ${spec.config.Image || spec.image.id}, ${[...(spec.config.Entrypoint ?? []), ...(spec.config.Cmd ?? [])].join(' ')}`,
  'container.exited': ({ exitCode, runSeconds, oomKilled }) => `exited with code ${exitCode} after ${runSeconds} s${oomKilled ? ', out of memory' : ''}`,
  'container.lost': ({ lastSeenAliveAt }) => `lost: nobody saw it end, it was last seen alive at ${lastSeenAliveAt}`,
  'container.stopRequested': ({ signal, deadline, then }) => `stop requested: ${signal}, ${deadline ? `killed at ${deadline}` : 'without a limit'}, then ${then}`,
  'container.restartScheduled': ({ attempt, delayMs, policy, exitCode }) => `restart scheduled: attempt ${attempt} in ${delayMs} ms by its policy ${policy}, after exit code ${exitCode}`,
  'container.renamed': ({ oldName, name }) => `renamed from ${oldName} to ${name}`,
  'exec.created': ({ id, spec }) => `exec ${short(id)} created: ${spec.command.join(' ')}`,
  'image.added': ({ image }) => `added: ${image.size} bytes`,
  'network.createRequested': ({ network }) => `create requested: ${network.driver}${network.ipv4 ? `, ${network.ipv4.subnet}` : ''}`,
  'network.connected': ({ containerId, address }) => `connected ${short(containerId)}${address ? ` as ${address}` : ''}`,
  'network.disconnected': ({ containerId }) => `disconnected ${short(containerId)}`,
  'refusal.recorded': ({ command, kind, message }) => `refused to ${command} (${kind}): ${message}`,
};

/** `startRequested` in words. */
const spaced = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const longestValue = 120;

/** Numbers, words and short lists; whole objects are left to the JSON format. */
function details(data: unknown): string {
  const shown = Object.entries(data as object).flatMap(([key, value]: [string, unknown]) => {
    if (value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)) return [];
    const text = typeof value === 'object' ? JSON.stringify(value) : short(String(value));
    return text.length > longestValue ? [] : [`${key} ${text}`];
  });
  return shown.length > 0 ? `: ${shown.join(', ')}` : '';
}

export function callerText({ transport, uid, pid, name, agent }: Caller): string {
  if (transport === 'internal') return 'tallyd';
  const who = [name ? `${transport} ${name}` : transport, ...(uid === undefined ? [] : [`uid ${uid}`]), ...(pid === undefined ? [] : [`pid ${pid}`])];
  return agent ? `${who.join(' ')} (${agent})` : who.join(' ');
}

/** What a fact says of itself, without what went before. */
function sentenceOf({ type, data }: Recorded): string {
  const own = (sentences as Readonly<Record<string, (data: unknown) => string>>)[type];
  if (own) return own(data);
  const kind = kindOf(type);
  const what = spaced(type.slice(kind.length + 1));
  return `${kind === 'exec' || kind === 'health' ? `${kind} ${what}` : what}${details(data)}`;
}

/** Reads the log in order; of a stream that it meets in the middle it has to be told first what went before. */
export interface Narrator {
  knows(fact: Recorded): boolean;
  learn(fact: Recorded): void;
  /** `container web`, also of a stream that it never met. */
  nameOf(stream: string): string;
  line(fact: Recorded): string;
}

export function narrator(): Narrator {
  const called = new Map<string, string>();
  const restarts = new Map<string, Restart>();
  const nameOf = (stream: string) => `${stream.slice(0, stream.indexOf('-'))} ${called.get(stream) || short(idOf(stream))}`;
  const learn = ({ stream, type, data }: Recorded) => {
    const name = (names as Readonly<Record<string, (data: unknown) => string>>)[type]?.(data);
    if (name !== undefined || !called.has(stream)) called.set(stream, name ?? '');
    if (type === 'container.restartScheduled') restarts.set(stream, data as Restart);
  };
  const what = (fact: Recorded): string => {
    if (fact.type === 'container.startRequested') return startReason(fact.data as DataOf<'container.startRequested'>, restarts.get(fact.stream));
    return sentenceOf(fact);
  };
  return {
    knows: ({ stream, revision }) => called.has(stream) || revision === 0,
    learn,
    nameOf,
    line: (fact) => {
      learn(fact);
      const { time, position, cause, type, data } = fact;
      const about = type === 'refusal.recorded' ? (data as DataOf<'refusal.recorded'>).stream : fact.stream;
      const asked = `${callerText(cause.caller)}${cause.caller.transport === 'internal' ? '' : `, ${cause.command}`}`;
      return `${fixedTime(time)} ${position} ${nameOf(about)}: ${what(fact)} [${asked}${cause.causation === null ? '' : `, after ${cause.causation}`}]`;
    },
  };
}

/** The fact as one line of JSON. */
export const factJson = ({ position, stream, revision, type, time, id, data, cause }: Recorded): string =>
  JSON.stringify({ position, stream, revision, type, time: rfc3339(time), id, data, cause });
