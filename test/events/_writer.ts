// _writer.ts: a process that appends until it is killed, and tells each fact once it is durable
import { openSqliteLog } from '../../events/stores/sqlite.ts';
import { ids, proposed } from './_log.ts';

const [path = '', run = ''] = process.argv.slice(2);
const log = await openSqliteLog(path);

async function write(writer: number): Promise<never> {
  const stream = `container-${writer}`;
  let revision = (await ids(log, { stream })).length - 1;
  for (;;) {
    const facts = Array.from({ length: 1 + (revision % 3 === 0 ? 2 : 0) }, (_, index) => proposed(`${run}-${writer}-${revision}-${index}`, ((revision + 1) * 131) % 3000));
    await log.append(stream, revision, facts);
    // The full stop tells a whole line from one that the kill cut off.
    process.stdout.write(facts.map(({ id }) => `${id}.\n`).join(''));
    revision += facts.length;
  }
}
await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
