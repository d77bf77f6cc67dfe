// random.test.ts: random commands, failures and deaths: what must hold holds, whatever the seed
import test from 'ava';
import { seededRandom } from '../../actors/worlds/simulated/random.ts';
import { endTask, simulatedMachine, type Machine } from '../../actors/worlds/simulated/machine.ts';
import { ask } from '../../actors/ask.ts';
import { Refused } from '../../actors/refused.ts';
import type { ContainerCommand } from '../../machines/container/command.ts';
import type { Random } from '../../actors/world.ts';
import { complaintsOf } from './_checks.ts';
import { asker, givenImageAndNetwork, lives, openHouse, settle, specOf, type House } from './_house.ts';

const letters = ['a', 'b', 'c'];
const policies = ['no', 'always', 'unless-stopped', 'on-failure'] as const;
const scripts = [['true'], ['false'], ['sleep', '2'], ['sleep', 'infinity'], ['crash'], ['nope']];
const pick = <T>(random: Random, list: readonly T[]): T => list[random.integer(list.length)]!;

function randomCommand(random: Random, id: string): ContainerCommand {
  const stop = { signal: null, timeoutSeconds: random.integer(3) };
  const policy = pick(random, policies);
  const hostConfig = { RestartPolicy: { Name: policy, MaximumRetryCount: policy === 'on-failure' ? 2 : 0 }, AutoRemove: policy === 'no' && random.integer(3) === 0 };
  const commands: ContainerCommand[] = [
    { name: 'create', id, containerName: id.slice(0, 6), spec: specOf(pick(random, scripts), hostConfig) },
    { name: 'start' }, { name: 'start' },
    { name: 'stop', ...stop },
    { name: 'restart', ...stop },
    { name: 'kill', signal: pick(random, ['SIGKILL', 'SIGTERM', 'SIGHUP']) },
    { name: 'pause' }, { name: 'unpause' },
    { name: 'remove', force: random.integer(2) === 0, volumes: true },
    { name: 'rename', to: `r${random.integer(1000)}` },
    { name: 'update', resources: { Memory: 1 << 26 }, restartPolicy: null },
    { name: 'shutDown', timeoutSeconds: 1 },
  ];
  return pick(random, commands);
}

function randomMishap(random: Random, machine: Machine): void {
  const task = pick(random, [...machine.tasks.values()]);
  const kind = random.integer(4);
  if (kind === 0 && task) endTask(machine, task, 137);
  if (kind === 1) {
    for (const [id, each] of machine.tasks) if (each === task) machine.tasks.delete(id);
    for (const watcher of [...machine.watchers]) watcher();
  }
  if (kind === 2) machine.up = !machine.up;
}

async function say(house: House, id: string, command: ContainerCommand): Promise<void> {
  try {
    await ask(house.engine, 'container', id, command, asker);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
}

/** A life of many daemons on one machine: each dies after some steps and the next goes on. */
async function live(seed: number): Promise<House> {
  const random = seededRandom(seed);
  const machine = simulatedMachine({ seed });
  const first = await openHouse(machine);
  await givenImageAndNetwork(first);
  await settle(first, 1_000_000_000n);
  const { facts } = first;
  const current = new Map(letters.map((letter) => [letter, '']));
  let made = 0;
  for (let daemon = 0; daemon < 4; daemon += 1) {
    const steps = lives(20 + random.integer(120));
    const dead = new Promise<null>((resolve) => steps.death.signal.addEventListener('abort', () => resolve(null)));
    const house = await Promise.race([openHouse(machine, facts, steps), dead]);
    for (let command = 0; command < 25 && house && !steps.death.signal.aborted; command += 1) {
      if (random.integer(6) === 0) randomMishap(random, machine);
      const letter = pick(random, letters);
      const fresh = `${letter}${(made += 1)}x`.padEnd(64, '0');
      const chosen = randomCommand(random, fresh);
      if (chosen.name === 'create') current.set(letter, fresh);
      await Promise.race([say(house, current.get(letter)!, chosen), dead, settle(house, 3_000_000_000n)]);
    }
    steps.death.abort();
  }
  machine.up = true;
  const last = await openHouse(machine, facts);
  await settle(last, 600_000_000_000n);
  return last;
}

for (let seed = 1; seed <= 40; seed += 1) {
  test(`nothing is lost or invented in a life of random commands and deaths (seed ${seed})`, async (t) => {
    t.deepEqual(complaintsOf(await live(seed)), []);
  });
}
