// why.test.ts: tallyd why: the chain of causes of a container's present state
import test from 'ava';
import { settle } from '../../sim/_house.ts';
import { id, objects, rootOf, story, tallyd } from './_cli.ts';

test('a container that was killed in a stop says who stopped it and what that led to', async (t) => {
  const told = await story();
  await told.create('a', ['sleep', 'infinity']);
  await told.say('a', { name: 'start' });
  await told.say('a', { name: 'unpause' });
  await told.say('a', { name: 'stop', signal: null, timeoutSeconds: 1 });
  const { options } = await rootOf(t, told);
  const said = await tallyd(['why', 'a', ...options]);
  t.is(said.code, 0);
  t.is(said.lines[0], `container a (${id('a').slice(0, 12)}) is exited with code 143; it began with request request-1`);
  const [, because = '', , refused = '', before = ''] = /\nbecause:\n([^]*)\nin the same requests:\n([^]*)\nrefused:\n([^]*)\nbefore that:\n([^]*)$/.exec(said.out) ?? [];
  t.deepEqual([...because.matchAll(/container a: (\w+)/g)].map(([, word]) => word), ['stop', 'killed', 'exited', 'released', 'stopped']);
  t.regex(because.split('\n')[0]!, /stop requested: SIGTERM.*\[unix uid 1000 pid 77 /);
  t.regex(refused, /container a: refused to unpause \(failed\): Container a+ is not paused/);
  t.deepEqual([...before.matchAll(/container a: (\w+ \w+)/g)].map(([, words]) => words), ['create requested', 'start requested']);
});

test('a removed container is still accounted for, and each fact of the chain names the one before', async (t) => {
  const told = await story();
  await told.create('a', ['true'], { AutoRemove: true });
  await told.say('a', { name: 'start' });
  const { options } = await rootOf(t, told);
  t.regex((await tallyd(['why', 'a', ...options])).lines[0]!, /^container a \(a{12}\) is removed;/);
  const facts = objects(await tallyd(['why', 'a', '--format', 'json', ...options])) as { part: string; position: number; type: string; cause: { causation: number | null } }[];
  const chain = facts.filter(({ part }) => part === 'cause');
  t.deepEqual(chain.map(({ type }) => type.replace('container.', '')), ['startRequested', 'started', 'exited', 'removeRequested', 'removed', 'swept']);
  t.is(chain[0]!.cause.causation, null);
  for (const { cause } of chain.slice(1)) t.true(chain.some(({ position }) => position === cause.causation));
  t.true(facts.some(({ part, type }) => part === 'consequence' && type === 'network.connected'));
});

test('of a name that was used twice the later container is meant, and a long chain is shortened', async (t) => {
  const told = await story();
  await told.create('a', ['true']);
  await told.say('a', { name: 'rename', to: 'web' });
  await told.say('a', { name: 'remove', force: false, volumes: false });
  await told.create('b', ['crash'], { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 12 } });
  await told.say('b', { name: 'rename', to: 'web' });
  await told.say('b', { name: 'start' });
  await settle(told.house, 600_000_000_000n);
  const { options } = await rootOf(t, told);
  const said = await tallyd(['why', 'web', ...options]);
  t.regex(said.lines[0]!, /^container web \(b{12}\) is /);
  t.regex(said.out, /because:\n.*start requested.*\n {2}\.\.\. \d+ more, see --all\n/);
  t.notRegex((await tallyd(['why', 'web', '--all', ...options])).out, /see --all/);
});
