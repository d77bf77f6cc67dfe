// backup.ts: `tallyd backup TARGET`: the log as it is at one moment, copied while a daemon goes on writing it
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { backupLog, verifyLog } from '../../events/stores/verify.ts';
import type { Command } from './commands.ts';
import { fileOf, sourceOf } from './source.ts';
import { readWords } from './words.ts';

const usage = 'tallyd backup TARGET [--data-root DIR | --event-log URL]';

/** A copy that is not sound is none: it is looked through before anybody relies on it. */
export const backup: Command = async (given, terminal) => {
  const words = readWords({ usage, words: [1, 1] }, given);
  const target = resolve(words.rest[0]!);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  await backupLog(fileOf(sourceOf(words)), target);
  const { facts, findings } = await verifyLog(target);
  for (const { message } of findings) terminal.complain(`${message}\n`);
  await terminal.write(`${facts} facts in ${target}: read it with --event-log sqlite:${target}\n`);
  return findings.length > 0 ? 1 : 0;
};
