// _record.ts: writes the histories of a release, each a file of facts and, in its last line, what they fold to
//
// Run once for each release, by hand: `node test/histories/_record.ts`. A file that is there is never written again:
// what daemons of that version recorded does not change.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ask } from '../../actors/ask.ts';
import { Refused } from '../../actors/refused.ts';
import { freeze } from '../../actors/restore.ts';
import { factJson } from '../../api/cli/narrator.ts';
import type { ContainerCommand } from '../../machines/container/command.ts';
import { asker, givenImageAndNetwork, imageId, openHouse, settle, specOf, type House } from '../sim/_house.ts';

const { version } = JSON.parse(readFileSync(join(dirname(dirname(import.meta.dirname)), 'package.json'), 'utf8')) as { version: string };
const second = 1_000_000_000n;
const id = (letter: string) => letter.repeat(64);

type Say = (letter: string, command: ContainerCommand) => Promise<void>;
type HostConfig = Parameters<typeof specOf>[1];
const create = (say: Say, letter: string, command: string[], hostConfig?: HostConfig) =>
  say(letter, { name: 'create', id: id(letter), containerName: `name-${letter}`, spec: specOf(command, hostConfig) });

const stories: Readonly<Record<string, (say: Say, house: House) => Promise<unknown>>> = {
  'run-and-exit': async (say) => {
    await create(say, 'a', ['exit', '3']);
    await say('a', { name: 'start' });
  },
  'stop-start-pause': async (say) => {
    await create(say, 'a', ['sleep', 'infinity']);
    await say('a', { name: 'start' });
    await say('a', { name: 'stop', signal: null, timeoutSeconds: 1 });
    await say('a', { name: 'start' });
    await say('a', { name: 'rename', to: 'web' });
    await say('a', { name: 'pause' });
    await say('a', { name: 'start' });
    await say('a', { name: 'kill', signal: 'SIGKILL' });
    await say('a', { name: 'restart', signal: null, timeoutSeconds: null });
  },
  'restart-loop': async (say, house) => {
    await create(say, 'a', ['crash', '7'], { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 4 } });
    await create(say, 'b', ['crash'], { RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } });
    await say('a', { name: 'start' });
    await say('b', { name: 'start' });
    await settle(house, 30n * second);
    await say('b', { name: 'stop', signal: null, timeoutSeconds: 1 });
  },
  removals: async (say) => {
    await create(say, 'a', ['true'], { AutoRemove: true });
    await create(say, 'b', ['sleep', 'infinity']);
    await create(say, 'c', ['nowhere-to-be-found']);
    for (const letter of ['a', 'b', 'c']) await say(letter, { name: 'start' });
    await say('b', { name: 'remove', force: false, volumes: false });
    await say('b', { name: 'remove', force: true, volumes: true });
  },
  'images-and-volumes': async (say, { engine }) => {
    const reference = 'docker.io/library/other:1';
    await ask(engine, 'image', imageId.slice(7), { name: 'tag', reference, displayName: 'other:1' }, asker);
    await ask(engine, 'volume', 'data', { name: 'create', volume: { name: 'data', driver: 'local', options: {}, labels: { kind: 'test' }, anonymous: false } }, asker);
    await create(say, 'a', ['sleep', 'infinity']);
    await say('a', { name: 'start' });
  },
  'a-lost-process': async (say, house) => {
    await create(say, 'a', ['sleep', 'infinity'], { RestartPolicy: { Name: 'unless-stopped', MaximumRetryCount: 0 } });
    await say('a', { name: 'start' });
    house.engine.closed = true;
    house.machine.tasks.delete(id('a'));
    house.machine.sandboxes.delete(id('a'));
    await settle(await openHouse(house.machine, house.facts), 5n * second);
  },
};

async function record(name: string): Promise<void> {
  const path = join(import.meta.dirname, `${version}-${name}.jsonl`);
  if (existsSync(path)) return;
  const house = await openHouse();
  await givenImageAndNetwork(house);
  await settle(house);
  const say: Say = async (letter, command) => {
    await ask(house.engine, 'container', id(letter), command, asker).catch((error: unknown) => {
      if (!(error instanceof Refused)) throw error;
    });
    await settle(house, second);
  };
  await stories[name]!(say, house);
  const { engine } = house.engine.closed ? await openHouse(house.machine, house.facts) : house;
  writeFileSync(path, `${house.facts.map(factJson).join('\n')}\n${freeze(engine.roster)}\n`);
  process.stdout.write(`${path}: ${house.facts.length} facts\n`);
}

for (const name of Object.keys(stories)) await record(name);
