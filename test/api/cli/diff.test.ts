// diff.test.ts: tallyd diff: what changed between two moments
import test from 'ava';
import { id, objects, rootOf, story, tallyd } from './_cli.ts';

test('what came, what went and what became different is told, each thing once', async (t) => {
  const told = await story();
  await told.create('a', ['sleep', 'infinity']);
  await told.create('b', ['true']);
  await told.say('a', { name: 'start' });
  const from = told.house.facts.at(-1)!;
  await told.say('a', { name: 'kill', signal: 'SIGKILL' });
  await told.say('b', { name: 'remove', force: false, volumes: false });
  await told.create('c', ['true']);
  const { options } = await rootOf(t, told);
  const changes = objects(await tallyd(['diff', '--from', String(from.position), '--format', 'json', ...options]));
  t.deepEqual(changes.map(({ change, kind, name, state }) => [change, kind, name, state]), [
    ['removed', 'container', 'b', 'created'], ['changed', 'network', 'bridge', 'present'], ['changed', 'container', 'a', 'exited'], ['added', 'container', 'c', 'created'],
  ]);
  const differences = changes[2]!['differences'] as { path: string; from: unknown; to: unknown }[];
  t.deepEqual(differences.find(({ path }) => path === 'state'), { path: 'state', from: 'running', to: 'exited' });
  t.deepEqual(differences.find(({ path }) => path === 'run.exitCode'), { path: 'run.exitCode', from: 0, to: 137 });
  t.false(differences.some(({ path }) => path.startsWith('spec')));

  const { out } = await tallyd(['diff', '--from', String(from.position), ...options]);
  t.true(out.includes(`- container b (${id('b').slice(0, 12)}): was created\n`));
  t.true(out.includes(`~ container a (${id('a').slice(0, 12)}):\n    state: running -> exited\n`));
  t.true(out.includes(`+ container c (${id('c').slice(0, 12)}): created\n`));
});

test('moments are positions or times, and nothing changed between a moment and itself', async (t) => {
  const told = await story();
  await told.create('a', ['true']);
  const { options } = await rootOf(t, told);
  const head = String(told.house.facts.at(-1)!.position);
  t.like(await tallyd(['diff', '--from', head, '--to', head, ...options]), { code: 0, out: '' });
  t.like(await tallyd(['diff', '--from', '2100-01-01', ...options]), { code: 0, out: '' });
  t.true((await tallyd(['diff', '--from', '2020-01-01', '--to', head, ...options])).lines.every((line) => line.startsWith('+')));
  t.is((await tallyd(['diff', '--from', head, '--to', '1', ...options])).code, 125);
  t.like(await tallyd(['diff', '--from', '0', '--to', '99999', ...options]), { code: 1, err: `tallyd diff: position 99999 is behind the end of the log, which is ${head}\n` });
});
