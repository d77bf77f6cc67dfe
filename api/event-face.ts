// event-face.ts: the log for event clients, opened when --event-listen asks for it
import { join } from 'node:path';
import type { Log } from '../events/log.ts';
import { memoryLog } from '../events/stores/memory.ts';
import { openSqliteLog } from '../events/stores/sqlite.ts';
import type { Clock, Random } from '../actors/world.ts';
import type { Options } from './flags.ts';

export interface EventFace {
  close(): Promise<void>;
}

export interface EventFaceWorld {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly report: (sentence: string) => void;
}

type Wanted = Pick<Options, 'eventListen' | 'eventScratch' | 'eventLog' | 'dataRoot'>;

/** Null when nobody asked for it: its packages are loaded by those daemons alone that need them. */
export async function openEventFace({ eventListen, eventScratch, eventLog, dataRoot }: Wanted, { log, clock, random, report }: EventFaceWorld): Promise<EventFace | null> {
  if (eventListen?.kind !== 'tcp') return null;
  const [{ openEventService }, { factContent, scratchContent }, { groupFiles, noFiles }] = await Promise.all([
    import('./grpc/server.ts'), import('./grpc/record.ts'), import('./grpc/group-file.ts'),
  ]);
  const lasts = eventLog !== 'memory:';
  const scratch = eventScratch === '' ? null : lasts ? await openSqliteLog(join(dataRoot, 'log', 'scratch.db')) : memoryLog();
  try {
    const service = await openEventService({
      listen: eventListen, tls: null, clock, report, uuid: () => random.uuid(), files: lasts ? groupFiles(join(dataRoot, 'subscriptions')) : noFiles,
      areas: { engine: { log, content: factContent }, scratch: scratch && { log: scratch, content: scratchContent, prefix: eventScratch } },
    });
    return {
      async close() {
        await service.close();
        await scratch?.close();
      },
    };
  } catch (error) {
    await scratch?.close();
    throw error;
  }
}
