// facts.ts: GET /facts: the log itself, for whoever wants more of it than `docker events` tells, and GET /facts/schema
import { Refused } from '../../actors/refused.ts';
import { kinds } from '../../events/index.ts';
import { factStream, type FactForm } from './fact-stream.ts';
import { integer, text } from './query.ts';
import { json, query, stream, type Call, type Row } from './route.ts';

const forms: readonly FactForm[] = ['facts', 'cloudevents'];

/** Given several times, or with commas between. */
const listed = (asked: URLSearchParams, name: string): readonly string[] => asked.getAll(name).flatMap((value) => value.split(',')).filter((value) => value !== '');

/** A reader that comes again says what it saw last: a position, and what follows it is told. */
function after({ headers, query: asked, engine }: Call): number {
  const last = headers['last-event-id'];
  if (typeof last === 'string' && last !== '') {
    if (!/^\d{1,15}$/.test(last)) throw new Refused('invalid', `Last-Event-ID must be a position, not ${JSON.stringify(last)}`);
    return Number(last);
  }
  if (text(asked, 'from') === 'end') return engine.log.head();
  return (integer(asked, 'from') ?? 0) - 1;
}

function facts(call: Call) {
  const { engine, face, query: asked, signal } = call;
  const form = (text(asked, 'format') || 'facts') as FactForm;
  if (!forms.includes(form)) throw new Refused('invalid', `format must be ${forms.join(' or ')}, not ${JSON.stringify(form)}`);
  const wanted = { streams: listed(asked, 'stream'), kinds: listed(asked, 'kind'), types: listed(asked, 'type') };
  const unknown = wanted.kinds.find((kind) => !(kind in kinds));
  if (unknown !== undefined) throw new Refused('invalid', `no kind is called ${JSON.stringify(unknown)}: there are ${Object.keys(kinds).join(', ')}`);
  const chunks = factStream(engine, { after: after(call), wanted, form, source: `/tallyd/${engine.id}` }, signal);
  return stream('text/event-stream', chunks, { 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no', Server: `Tallyd/${face.version} (linux)` });
}

/** Loaded when somebody asks. */
async function schema() {
  const { factsSchema } = await import('./shapes/facts-schema.ts');
  return json(factsSchema(), 200, { 'Cache-Control': 'no-cache' });
}

export const rows: readonly Row[] = [query('GET', '/facts', facts), query('GET', '/facts/schema', schema)];
