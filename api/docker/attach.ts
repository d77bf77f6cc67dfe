// attach.ts: POST /containers/{id}/attach: a client at a container's standard streams
import type { Duplex } from 'node:stream';
import { noteOf } from '../../actors/operations/container.ts';
import { contextOf, findContainer, stateOf } from '../../actors/operations/find-container.ts';
import { Refused } from '../../actors/refused.ts';
import { checkReadable, pastOutput } from './logs.ts';
import { flag, text } from './query.ts';
import { command, takeOver, type Answer, type Call, type Row } from './route.ts';
import { detachKeys } from './streams/detach-keys.ts';
import { rawType, typeOf } from './streams/frame.ts';
import { finish, join } from './streams/join.ts';

/**
 * The container's stream is opened before the client is answered: what is written after the answer reaches the client,
 * also when it is the client itself that starts the container next.
 */
async function attach(call: Call): Promise<Answer> {
  const { engine, params, query: asked, asker, version, headers } = call;
  const keys = detachKeys(text(asked, 'detachKeys'));
  const container = findContainer(engine.roster, params.id!);
  if (stateOf(container) === 'paused') throw new Refused('conflict', `container ${params.id} is paused, unpause the container before attach`);
  if (stateOf(container) === 'restarting') throw new Refused('conflict', `container ${params.id} is restarting, wait until the container is running`);
  const { config } = contextOf(container).spec;
  const wants = { stdin: flag(asked, 'stdin') && config.OpenStdin, stdout: flag(asked, 'stdout'), stderr: flag(asked, 'stderr') };
  if (flag(asked, 'logs')) checkReadable(container);
  const stream = flag(asked, 'stream') ? await engine.world.stdio.attach(container.id, wants) : null;
  await noteOf(engine, container, { type: 'container.attached', data: {} }, asker);
  const type = headers.upgrade === undefined ? rawType : typeOf(config.Tty, version);
  return takeOver(type, async (connection) => {
    if (flag(asked, 'logs')) await copyPast(call, connection);
    if (stream) {
      const how = await join(connection, stream, { input: wants.stdin, keys: config.Tty ? keys : null });
      // The container may be gone meanwhile: then there is nothing left to detach from.
      if (how === 'detached') await noteOf(engine, container, { type: 'container.detached', data: {} }, asker).catch(() => undefined);
    }
    finish(connection);
  });
}

async function copyPast({ engine, params, query: asked }: Call, connection: Duplex): Promise<void> {
  const wants = { stdout: flag(asked, 'stdout'), stderr: flag(asked, 'stderr') };
  const gone = new AbortController();
  connection.on('close', () => gone.abort());
  for await (const piece of pastOutput(engine, findContainer(engine.roster, params.id!), wants, gone.signal)) {
    if (connection.destroyed) return;
    if (!connection.write(piece)) await drained(connection);
  }
}

const drained = (connection: Duplex): Promise<void> =>
  new Promise((resolve) => {
    connection.once('drain', resolve);
    connection.once('close', resolve);
  });

export const rows: readonly Row[] = [command('POST', '/containers/{id}/attach', attach)];
