// _cli.ts: commands of tallyd called in this process, on logs that simulated daemons wrote
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { runCommand } from '../../../api/cli/commands.ts';
import { UsageError } from '../../../api/flag-syntax.ts';
import { ask } from '../../../actors/ask.ts';
import { Refused } from '../../../actors/refused.ts';
import type { Asker } from '../../../actors/turn.ts';
import type { Recorded } from '../../../events/fact.ts';
import { openSqliteLog } from '../../../events/stores/sqlite.ts';
import type { ContainerCommand } from '../../../machines/container/command.ts';
import { givenImageAndNetwork, openHouse, settle, specOf, type House } from '../../sim/_house.ts';

const house = dirname(dirname(dirname(import.meta.dirname)));
const second = 1_000_000_000n;

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly lines: readonly string[];
}

/** As main does it; a usage error is exit code 125. */
export async function tallyd(words: readonly string[], signal = new AbortController().signal, heard: (text: string) => void = () => undefined): Promise<Said> {
  const said = { out: '', err: '' };
  const write = (text: string) => {
    said.out += text;
    heard(said.out);
  };
  const complain = (text: string) => void (said.err += text);
  const [name = '', ...rest] = words;
  const code = await runCommand(name, rest, { write, complain, signal, house, version: '0.1.0' }).catch((error: unknown) => {
    if (!(error instanceof UsageError)) throw error;
    complain(error.message);
    return 125;
  });
  return { code, ...said, lines: said.out.split('\n').filter((line) => line !== '') };
}

export async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tallyd-cli-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Writes facts into a new log; they keep their positions. */
export async function written(path: string, facts: readonly Recorded[]): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const log = await openSqliteLog(path);
  await Promise.all(facts.map((fact) => log.append(fact.stream, fact.revision - 1, [fact])));
  await log.close();
}

const clientAsker: Asker = { caller: { transport: 'unix', uid: 1000, pid: 77, agent: 'Docker-Client/28.2.2 (linux)' }, correlationId: 'request-1', causation: null };

export interface Story {
  readonly house: House;
  /** What a client asks of a container, known by one letter; a refusal is an answer. Then all comes to rest. */
  say(letter: string, command: ContainerCommand): Promise<void>;
  create(letter: string, command: string[], hostConfig?: Parameters<typeof specOf>[1]): Promise<void>;
  /** Position of the last fact of a type. */
  last(type: string): number;
}

/** A container's id by its letter, which is its name too. */
export const id = (letter: string): string => letter.repeat(64);

/** A simulated daemon with an image and a network. */
export async function story(): Promise<Story> {
  const given = await openHouse();
  await givenImageAndNetwork(given);
  await settle(given);
  const say: Story['say'] = async (letter, command) => {
    await ask(given.engine, 'container', id(letter), command, clientAsker).catch((error: unknown) => {
      if (!(error instanceof Refused)) throw error;
    });
    await settle(given, 3n * second);
  };
  return {
    house: given, say,
    create: (letter, command, hostConfig = {}) => say(letter, { name: 'create', id: id(letter), containerName: letter, spec: specOf(command, hostConfig) }),
    last: (type) => given.facts.findLast((fact) => fact.type === type)!.position,
  };
}

/** The log of a story, in a data root of its own; gives the option that names it. */
export async function rootOf(t: ExecutionContext, { house: { facts } }: Pick<Story, 'house'>): Promise<{ root: string; path: string; options: string[] }> {
  const root = await folder(t);
  const path = join(root, 'log/log.db');
  await written(path, facts);
  return { root, path, options: ['--data-root', root] };
}

export const objects = ({ lines }: Said): Record<string, unknown>[] => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
