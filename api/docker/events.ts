// events.ts: GET /events
import { Refused } from '../../actors/refused.ts';
import { eventStream } from './event-stream.ts';
import { moment, type Moment } from './moment.ts';
import { filters, text } from './query.ts';
import { query, stream, type Call, type Row } from './route.ts';

const after = (a: Moment, b: Moment): boolean => {
  if ('position' in a) return 'position' in b && a.position > b.position;
  return 'time' in b && a.time > b.time;
};

function events({ engine, query: asked, version, signal }: Call) {
  const now = engine.world.clock.now();
  const since = moment(text(asked, 'since'), now);
  const until = moment(text(asked, 'until'), now);
  if (since && until && after(since, until)) {
    throw new Refused('invalid', `\`since\` time (${text(asked, 'since')}) cannot be after \`until\` time (${text(asked, 'until')})`);
  }
  return stream('application/json', eventStream(engine, { since, until, filters: filters(asked, null), version }, signal));
}

export const rows: readonly Row[] = [query('GET', '/events', events)];
