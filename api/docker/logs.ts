// logs.ts: GET /containers/{id}/logs, and the log of an attach that asks for it
import type { LogLine } from '../../actors/world.ts';
import { contextOf, findContainer, stateOf, type Container } from '../../actors/operations/find-container.ts';
import { Refused } from '../../actors/refused.ts';
import type { Engine } from '../../actors/engine.ts';
import { timeOf } from './moment.ts';
import { flag, text } from './query.ts';
import { query, stream, type Answer, type Call, type Row } from './route.ts';
import { framed, headLength, typeOf, writeHead } from './streams/frame.ts';

interface Format {
  readonly tty: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
}

/** Always nine digits, so that columns line up. moby: rfc3339NanoFixed */
function fixedTime(time: string): string {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? '';
  return `${time.slice(0, 19)}.${fraction.padEnd(9, '0')}Z`;
}

const escaped = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`).replace(/%20/g, '+');
const attributesOf = (attributes: LogLine['attributes']): string =>
  Object.entries(attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${escaped(key)}=${escaped(value)}`).join(',');

function prefixOf(line: LogLine, { timestamps, details }: Format): string {
  return `${timestamps ? `${fixedTime(line.time)} ` : ''}${details ? `${attributesOf(line.attributes)} ` : ''}`;
}

/** One buffer for a whole batch: a buffer for each line would be most of the work. */
export function writtenLines(lines: readonly LogLine[], format: Format): Buffer {
  const prefixes = format.timestamps || format.details ? lines.map((line) => Buffer.from(prefixOf(line, format))) : null;
  const head = format.tty ? 0 : headLength;
  const total = lines.reduce((sum, { line }, index) => sum + head + line.length + (prefixes?.[index]!.length ?? 0), 0);
  const whole = Buffer.allocUnsafe(total);
  let at = 0;
  lines.forEach(({ line, stream: source }, index) => {
    const prefix = prefixes?.[index];
    const length = line.length + (prefix?.length ?? 0);
    if (!format.tty) writeHead(whole, at, source, length);
    at += head;
    if (prefix) at += prefix.copy(whole, at);
    whole.set(line, at);
    at += line.length;
  });
  return whole;
}

/** Refuses what cannot be read before the answer begins: afterwards nothing but the stream itself could tell. */
export function checkReadable(container: Container): void {
  if (['removing', 'dead', 'sweeping'].includes(stateOf(container))) {
    throw new Refused('conflict', 'can not get logs from container which is dead or marked for removal');
  }
  if (contextOf(container).spec.hostConfig.LogConfig.Type === 'none') throw new Refused('notImplemented', 'configured logging driver does not support reading');
}

function tailOf(value: string): number | null {
  return /^\+?\d+$/.test(value) ? Number(value) : null;
}

async function logs(call: Call): Promise<Answer> {
  const { query: asked, roster, engine, params, version } = call;
  const [stdout, stderr] = [flag(asked, 'stdout'), flag(asked, 'stderr')];
  if (!stdout && !stderr) throw new Refused('invalid', 'Bad parameters: you must choose at least one stream');
  const container = findContainer(roster, params.id!);
  checkReadable(container);
  const now = engine.world.clock.now();
  const until = text(asked, 'until');
  const wanted = {
    stdout, stderr, since: timeOf(text(asked, 'since'), now), until: until === '0' ? null : timeOf(until, now), tail: tailOf(text(asked, 'tail')),
    follow: flag(asked, 'follow'),
  };
  const { spec } = contextOf(container);
  const format = { tty: spec.config.Tty, timestamps: flag(asked, 'timestamps'), details: flag(asked, 'details') };
  const read = async function* () {
    try {
      for await (const lines of engine.world.stdio.logs(container.id, spec, wanted, call.signal)) if (lines.length > 0) yield writtenLines(lines, format);
    } catch (error) {
      if (call.signal.aborted) return;
      const sentence = Buffer.from(`Error grabbing logs: ${error instanceof Error ? error.message : String(error)}\n`);
      yield format.tty ? sentence : framed('system', sentence);
    }
  };
  return stream(typeOf(format.tty, version), read());
}

/** All that was written so far, as an attach with `logs` begins. */
export async function* pastOutput(engine: Engine, container: Container, wants: { stdout: boolean; stderr: boolean }, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { spec } = contextOf(container);
  const everything = { ...wants, since: null, until: null, tail: null, follow: false };
  const format = { tty: spec.config.Tty, timestamps: false, details: false };
  for await (const lines of engine.world.stdio.logs(container.id, spec, everything, signal)) if (lines.length > 0) yield writtenLines(lines, format);
}

export const rows: readonly Row[] = [query('GET', '/containers/{id}/logs', logs)];
