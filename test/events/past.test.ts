// past.test.ts: facts of earlier versions are read as today's
import test from 'ava';
import type { Recorded } from '../../events/fact.ts';
import { rows } from '../../events/index.ts';
import { checkFact, retired, upcast, type Retired } from '../../events/past.ts';
import { proposed } from './_log.ts';

const recorded = (type: string, data: unknown): Recorded => ({ ...proposed('f1'), type, data, position: 0, stream: 'container-a', revision: 0 });

test('a fact in a retired shape becomes the next one, and that the one after it', (t) => {
  const shapes: Retired[] = [
    { type: 'container.exited', fits: (data) => typeof data === 'number', become: (code: number) => ({ code }) },
    { type: 'container.exited', fits: (data) => typeof data === 'object' && data !== null && 'code' in data, become: ({ code }: { code: number }) => ({ exitCode: code }) },
    { type: 'container.killed', fits: () => true, become: () => t.fail('another fact is left alone') },
  ];
  t.deepEqual(upcast(recorded('container.exited', 137), shapes).data, { exitCode: 137 });
  t.deepEqual(upcast(recorded('container.exited', { code: 1 }), shapes).data, { exitCode: 1 });
  const today = recorded('container.exited', { exitCode: 0 });
  t.is(upcast(today, shapes), today);
});

test('no shape in use today is a retired one', (t) => {
  for (const [type, row] of rows) {
    for (const shape of retired) if (shape.type === type) t.false(shape.fits(row.example), type);
  }
  t.pass();
});

test('the example of every fact fits its own schema', (t) => {
  for (const [type, row] of rows) t.deepEqual(checkFact(recorded(type, row.example)), [], type);
});

test('a fact that does not fit is told by the place in it', (t) => {
  t.deepEqual(checkFact(recorded('container.killed', { signal: 'SIGHUP' })), []);
  t.regex(checkFact(recorded('container.killed', { signal: 9 }))[0] ?? '', /^container\.killed\/signal: /);
  t.regex(checkFact(recorded('container.sang', {}))[0] ?? '', /container\.sang/);
});
