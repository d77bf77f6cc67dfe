// _containers.ts: an image and containers of it, for tests of the Docker API on the simulated world
import type { ImageConfig } from '../../events/image.ts';
import type { Recorded } from '../../events/fact.ts';
import { ask } from '../../actors/ask.ts';
import type { Engine } from '../../actors/engine.ts';
import type { Api } from './_api.ts';

const asker = { caller: { transport: 'internal' }, correlationId: 'test', causation: null } as const;

/** Gives its id. */
export async function addImage({ engine, world }: Api, name = 'busybox', config: ImageConfig['config'] = { Cmd: ['sh'], Env: ['PATH=/bin'] }): Promise<string> {
  const hex = world.random.hex(32);
  const image = {
    id: `sha256:${hex}`, config: { architecture: 'amd64', os: 'linux', config, rootfs: { type: 'layers' as const, diff_ids: ['sha256:01'] } },
    manifest: `sha256:${world.random.hex(32)}`, size: 1000, layerSizes: [1000], chainId: 'sha256:01',
  };
  world.machine.images.set(image.id, image);
  const references = [`docker.io/library/${name}:latest`];
  await ask(engine, 'image', hex, { name: 'add', image, how: 'loaded', displayName: `${name}:latest`, digest: '', references }, asker);
  return image.id;
}

/** Types of the facts of a container's stream, without its kind: `started`. */
export async function factsOf(engine: Engine, id: string): Promise<string[]> {
  const types: string[] = [];
  for await (const batch of engine.log.read({ stream: `container-${id}` })) types.push(...batch.map(({ type }) => type.replace('container.', '')));
  return types;
}

/** Resolves with the first fact that `is` picks, from what is recorded already on. */
export async function factWhere(engine: Engine, is: (fact: Recorded) => boolean): Promise<Recorded> {
  const found = new AbortController();
  try {
    for await (const batch of engine.log.follow(-1, found.signal)) {
      const fact = batch.find(is);
      if (fact) return fact;
    }
    throw new Error('the log ended');
  } finally {
    found.abort();
  }
}

/** Gives its id. */
export async function create(api: Api, name: string, body: object = {}): Promise<string> {
  const { value } = await api.ask('POST', `/containers/create?name=${name}`, { Image: 'busybox', Cmd: ['sleep', '1000'], ...body });
  return value.Id as string;
}

export async function run(api: Api, name: string, body: object = {}): Promise<string> {
  const id = await create(api, name, body);
  await api.ask('POST', `/containers/${id}/start`);
  return id;
}
