// _house.ts: a keeper and a door to it with roots of their own; for tests, and for daemons that tests start
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exampleSpec } from '../../../events/container.ts';
import type { ContainerSpec } from '../../../events/spec.ts';
import { type Keeper, openKeeper } from '../../../actors/stdio/keeper-client.ts';
import { linuxStdio } from '../../../actors/stdio/linux.ts';
import type { Stdio } from '../../../actors/world.ts';

export interface House {
  readonly root: string;
  readonly keeper: Keeper;
  readonly stdio: Stdio;
  /** Ids whose input was to be closed at the runtime. */
  readonly closedInputs: string[];
  /** Until it holds, the runtime has no task whose input could be closed. */
  hasTask(id: string): boolean;
  close(): Promise<void>;
}

export async function openHouse(root = mkdtempSync(join(tmpdir(), 'tally-stdio-'))): Promise<House> {
  const keeper = await openKeeper(join(root, 'run'));
  const closedInputs: string[] = [];
  const made = { root, keeper, closedInputs, hasTask: () => true };
  const closeStdin = async (id: string): Promise<void> => {
    if (!dock.hasTask(id)) throw new Error('no such task');
    closedInputs.push(id);
  };
  const stdio = await linuxStdio({ dataRoot: join(root, 'data'), execRoot: join(root, 'run'), keeper, hostname: 'dock', closeStdin });
  const dock: House = {
    ...made,
    stdio,
    async close() {
      await keeper.end();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return dock;
}

export const specWith = (config: Partial<ContainerSpec['config']> = {}, log: Record<string, string> = {}, driver = 'json-file'): ContainerSpec => ({
  ...exampleSpec,
  config: { ...exampleSpec.config, ...config },
  hostConfig: { ...exampleSpec.hostConfig, LogConfig: { Type: driver, Config: log } },
});
