// processes.ts: a container's processes as ps(1) shows them (moby: daemon/top_unix.go)
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { WorldFailure, type ProcessList } from '../world.ts';

const run = promisify(execFile);
/** Of what ps prints. */
const mostBytes = 16 * 1024 * 1024;

const words = (line: string): string[] => line.split(/[ \t\f\r]+/).filter((word) => word !== '');

async function ps(args: readonly string[], pids: readonly number[]): Promise<string> {
  const options = { maxBuffer: mostBytes };
  try {
    return (await run('ps', [...args, `-q${pids.join(',')}`], options)).stdout;
  } catch {
    // Some options, such as f, cannot be used together with q: then all are listed, and ours are picked.
    return run('ps', [...args], options).then(({ stdout }) => stdout, (error: { stderr?: string }) => {
      throw new WorldFailure('other', `ps: ${(error.stderr ?? '').split('\n')[0] || String(error)}`);
    });
  }
}

/** Rows of these pids alone; a row of a thread, whose pid is `-`, belongs to the row before it. */
export async function listed(args: readonly string[], pids: readonly number[]): Promise<ProcessList> {
  const [head = '', ...lines] = (await ps(args, pids)).split('\n');
  const titles = words(head);
  const column = titles.indexOf('PID');
  if (column < 0) throw new WorldFailure('other', `Couldn't find PID field in ps output`);
  const wanted = new Set(pids.map(String));
  const rows: string[][] = [];
  let ours = false;
  for (const fields of lines.map(words).filter((each) => each.length > 0)) {
    if (fields[column] !== '-') ours = wanted.has(fields[column]!);
    if (ours) rows.push([...fields.slice(0, titles.length - 1), fields.slice(titles.length - 1).join(' ')]);
  }
  return { titles, rows };
}
