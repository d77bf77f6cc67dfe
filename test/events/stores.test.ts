// stores.test.ts: every store keeps the log's promises
import { join } from 'node:path';
import test from 'ava';
import { memoryLog } from '../../events/stores/memory.ts';
import { openSqliteLog } from '../../events/stores/sqlite.ts';
import { all, folder, proposed } from './_log.ts';
import { logFeatures } from './log.features.ts';

logFeatures(test, 'memory', async () => memoryLog());
logFeatures(test, 'sqlite', async (t) => openSqliteLog(join(await folder(t), 'log.db')));

test('a log in memory can begin with the facts of another', async (t) => {
  const log = memoryLog();
  await log.append('container-a', -1, [proposed('a0'), proposed('a1')]);
  const again = memoryLog({ facts: await all(log) });
  await again.append('container-a', 1, [proposed('a2')]);
  t.deepEqual((await all(again)).map(({ position, revision }) => [position, revision]), [[0, 0], [1, 1], [2, 2]]);
  t.is(log.head(), 1);
});
