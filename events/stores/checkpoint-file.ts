// checkpoint-file.ts: the newest checkpoint, in a file of its own beside the log
import { open, readFile, rename } from 'node:fs/promises';
import { sumOfText } from '../checksum.ts';
import type { Checkpoint, Checkpoints } from '../log.ts';

/**
 * One header line, then the state. A checkpoint is never truth: whatever is not exactly as it should be (sum,
 * fingerprint, another history's identity, a position that the log does not reach) is as good as none.
 */
export function checkpointFile(path: string, identity: string, head: () => number): Checkpoints {
  let saving: Promise<void> = Promise.resolve();

  async function load(fingerprint: string): Promise<Checkpoint | null> {
    await saving.catch(() => {});
    const text = await readFile(path, 'utf8').catch(() => '');
    const end = text.indexOf('\n');
    const found = /^checkpoint (\d+) (-?\d+) (\d+)$/.exec(text.slice(0, Math.max(end, 0)));
    if (!found) return null;
    const position = Number(found[2]);
    const state = text.slice(end + 1);
    if (Number(found[1]) !== sumFor(identity, fingerprint, position, state) || state.length !== Number(found[3]) || position > head()) return null;
    return { position, state };
  }

  async function write(fingerprint: string, { position, state }: Checkpoint): Promise<void> {
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.writeFile(`checkpoint ${sumFor(identity, fingerprint, position, state)} ${position} ${state.length}\n${state}`);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  }

  return {
    load,
    save: (fingerprint, checkpoint) => (saving = saving.catch(() => {}).then(() => write(fingerprint, checkpoint))),
  };
}

const sumFor = (identity: string, fingerprint: string, position: number, state: string): number =>
  sumOfText(`${identity}\n${fingerprint}\n${position}\n${state}`);
