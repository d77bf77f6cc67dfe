// reconcile.ts: the log says what was intended, the world what is: what no fact knows of is put away
import { ask } from './ask.ts';
import type { Engine } from './engine.ts';
import { all, get, isBrief, isGone, viewOf } from './roster.ts';
import type { Asker } from './turn.ts';

/**
 * Left-overs are what a crash kept from being told: layers of a creation whose fact was not durable, an import that
 * did not end, a sandbox of a container that is gone. They never were anybody's, so they go without a fact. What the
 * log knows of is not touched here: its states' effects see to it when the engine wakes.
 */
export async function sweepLeftovers(engine: Engine): Promise<void> {
  const { runtime, networks, images, stdio } = engine.world;
  const known = (id: string) => get(engine.roster, 'container', id) !== undefined;
  const [tasks, containers, sandboxes, held] = await Promise.all([runtime.tasks(), runtime.containers(), networks.sandboxes(), images.held()]);
  for (const id of new Set([...tasks.map((task) => task.id), ...containers])) {
    if (known(id)) continue;
    await runtime.remove(id);
    await stdio.remove(id);
  }
  for (const id of sandboxes) if (!known(id)) await networks.closeSandbox(id);
  for (const id of held) {
    const image = get(engine.roster, 'image', id.replace('sha256:', ''));
    if (!image || (isGone(image.snapshot) && image.snapshot.value === 'absent')) await images.remove({ id });
  }
}

/** Addresses whose container is gone are given back; policies say what starts with the daemon. */
export async function boot(engine: Engine): Promise<void> {
  const asker: Asker = { caller: { transport: 'internal' }, correlationId: engine.world.random.uuid(), causation: null };
  for (const network of [...all(engine.roster, 'network')]) {
    for (const containerId of Object.keys(viewOf(network).context.endpoints)) {
      if (!get(engine.roster, 'container', containerId)) await ask(engine, 'network', network.id, { name: 'disconnect', containerId }, asker);
    }
  }
  const told = [...all(engine.roster, 'container')].map((container) => {
    const isAtRest = !isBrief(container);
    const answered = ask(engine, 'container', container.id, { name: 'boot' }, asker).catch(() => undefined);
    // One that is still being put away hears of it when that is done; the start of the daemon does not wait for that.
    return isAtRest ? answered : undefined;
  });
  await Promise.all(told);
}

/** The bridges and rules of the networks that the log knows. */
export async function ensureNetworks(engine: Engine): Promise<void> {
  for (const network of [...all(engine.roster, 'network')]) {
    const { state, context } = viewOf(network);
    if (state === 'present' && context.network.driver === 'bridge') await engine.world.networks.ensure(context.network);
  }
}

/** Out-of-memory kills are told by the runtime of its own accord, while the container's process may live on. */
export function hearOutOfMemory(engine: Engine): void {
  engine.world.runtime.onOutOfMemory((id) => {
    const container = get(engine.roster, 'container', id);
    if (!container) return;
    const asker: Asker = { caller: { transport: 'internal' }, correlationId: engine.world.random.uuid(), causation: container.position };
    void engine.post(container, { place: null, command: { name: 'reportOutOfMemory' }, asker, isReport: true }).catch(() => undefined);
  });
}
