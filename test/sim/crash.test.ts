// crash.test.ts: the crash matrix: each story is cut off before and after every append and every effect, and ends the same
import test from 'ava';
import { simulatedMachine } from '../../actors/worlds/simulated/machine.ts';
import { ask } from '../../actors/ask.ts';
import { all, viewOf } from '../../actors/roster.ts';
import { Refused } from '../../actors/refused.ts';
import type { ContainerCommand } from '../../machines/container/command.ts';
import { complaintsOf } from './_checks.ts';
import { asker, givenImageAndNetwork, lives, openHouse, settle, specOf, type House, type Steps } from './_house.ts';

const id = (letter: string) => letter.repeat(64);
type Ask = (container: string, command: ContainerCommand) => Promise<void>;

interface Story {
  readonly name: string;
  /** What a client does; said again after a crash by a client that got no answer. */
  readonly tell: readonly ((ask: Ask, house: House) => Promise<void>)[];
  /** States at the end by container, `null` for one that is gone. */
  readonly ends: Readonly<Record<string, string | null>>;
}

const create = (letter: string, command: string[], hostConfig = {}) => (ask: Ask) =>
  ask(id(letter), { name: 'create', id: id(letter), containerName: letter, spec: specOf(command, hostConfig) });
const start = (letter: string) => (ask: Ask) => ask(id(letter), { name: 'start' });
const stop = (letter: string) => (ask: Ask) => ask(id(letter), { name: 'stop', signal: null, timeoutSeconds: 1 });
const remove = (letter: string, force = false) => (ask: Ask) => ask(id(letter), { name: 'remove', force, volumes: true });

const stories: readonly Story[] = [
  { name: 'run and exit', tell: [create('a', ['true']), start('a')], ends: { a: 'exited' } },
  { name: 'run, stop, start', tell: [create('a', ['sleep', 'infinity']), start('a'), stop('a'), start('a')], ends: { a: 'running' } },
  { name: 'a restart loop', tell: [create('a', ['crash'], { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } }), start('a')], ends: { a: 'exited' } },
  { name: '--rm', tell: [create('a', ['true'], { AutoRemove: true }), start('a')], ends: { a: null } },
  { name: 'remove while running', tell: [create('a', ['sleep', 'infinity']), start('a'), remove('a', true)], ends: { a: null } },
  { name: 'pause and unpause', tell: [create('a', ['sleep', 'infinity']), start('a'), (say) => say(id('a'), { name: 'pause' }), (say) => say(id('a'), { name: 'unpause' })], ends: { a: 'running' } },
  { name: 'kill', tell: [create('a', ['sleep', 'infinity']), start('a'), (say) => say(id('a'), { name: 'kill', signal: 'SIGKILL' })], ends: { a: 'exited' } },
  { name: 'restart', tell: [create('a', ['sleep', 'infinity']), start('a'), (say) => say(id('a'), { name: 'restart', signal: null, timeoutSeconds: 1 })], ends: { a: 'running' } },
  {
    name: 'two containers at once',
    tell: [
      async (say) => void (await Promise.all([create('a', ['sleep', 'infinity'])(say), create('b', ['sleep', '2'])(say)])),
      async (say) => void (await Promise.all([start('a')(say), start('b')(say)])),
    ],
    ends: { a: 'running', b: 'exited' },
  },
];

/** A client: a refusal is an answer; no answer comes from a daemon that died. */
const client = (house: House): Ask => async (container, command) => {
  try {
    await ask(house.engine, 'container', container, command, asker);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
};

/** Tells a story to a daemon that dies at a step; then, to one that lives, from the part on that had no answer. */
async function tellStory(story: Story, dieAt: number | null): Promise<{ house: House; steps: Steps; asked: number }> {
  const machine = simulatedMachine();
  const first = await openHouse(machine);
  await givenImageAndNetwork(first);
  await settle(first);
  const steps = lives(dieAt);
  let house = await Promise.race([openHouse(machine, first.facts, steps), died(steps)]);
  let told = 0;
  for (const part of story.tell) {
    if (!house || steps.death.signal.aborted) break;
    const done = await Promise.race([part(client(house), house).then(() => true), died(steps).then(() => false)]);
    if (!done) break;
    told += 1;
    await settleOrDie(house, steps, 300_000_000n);
  }
  if (house && !steps.death.signal.aborted) await settleOrDie(house, steps, 120_000_000_000n);
  if (!house || steps.death.signal.aborted) {
    house = await openHouse(machine, first.facts);
    for (const part of story.tell.slice(told)) {
      await part(client(house), house);
      await settle(house, 300_000_000n);
    }
    await settle(house);
  }
  return { house, steps, asked: told };
}

const died = ({ death: { signal } }: Steps): Promise<null> =>
  new Promise((resolve) => (signal.aborted ? resolve(null) : signal.addEventListener('abort', () => resolve(null))));
const settleOrDie = (house: House, steps: Steps, nanos: bigint) => Promise.race([settle(house, nanos), died(steps)]);

const endsOf = (house: House, story: Story) =>
  Object.fromEntries(
    Object.keys(story.ends).map((letter) => {
      const found = [...all(house.engine.roster, 'container')].find((container) => container.id === id(letter));
      return [letter, found ? viewOf(found).state : null];
    }),
  );

for (const story of stories) {
  test(`${story.name}: ends the same wherever the daemon is killed`, async (t) => {
    const whole = await tellStory(story, null);
    t.deepEqual(endsOf(whole.house, story), story.ends);
    t.deepEqual(complaintsOf(whole.house), []);
    for (let step = 1; step <= whole.steps.taken; step += 1) {
      const { house } = await tellStory(story, step);
      t.deepEqual(endsOf(house, story), story.ends, `killed at step ${step} of ${whole.steps.taken}`);
      t.deepEqual(complaintsOf(house), [], `killed at step ${step} of ${whole.steps.taken}`);
    }
  });
}
