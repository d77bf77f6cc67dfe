// disk-usage.ts: what takes room on the disk: GET /system/df, and the build cache, which is always empty
import { sizeOfContainer } from '../../actors/operations/container.ts';
import { layerSizes } from '../../actors/operations/image-remove.ts';
import { usersOf } from '../../actors/operations/volume.ts';
import { Refused } from '../../actors/refused.ts';
import { all, viewOf } from '../../actors/roster.ts';
import { selectImages } from './image-filter.ts';
import { listImages } from './images.ts';
import { command, json, query, type Answer, type Call, type Row } from './route.ts';
import { listed } from './shapes/container-list.ts';
import { placesOf } from './shapes/places.ts';
import { volumeJson } from './volumes.ts';

async function containers({ face, engine, roster, version }: Call): Promise<object[]> {
  const nowMs = Number(engine.world.clock.now() / 1_000_000n);
  const listing = { places: placesOf(engine, face.dataRoot), roster, version, nowMs, images: new Map() };
  return Promise.all([...all(roster, 'container')].map(async (container) => JSON.parse(listed(listing, container, await sizeOfContainer(engine, container))) as object));
}

/** Volumes with options of their own may not be on this disk at all: Docker does not measure them. */
async function volumes({ face, engine, roster }: Call): Promise<object[]> {
  const places = placesOf(engine, face.dataRoot);
  const own = [...all(roster, 'volume')].filter((volume) => Object.keys(viewOf(volume).context.volume.options).length === 0);
  return Promise.all(own.map(async (volume) => {
    const { volume: record } = viewOf(volume).context;
    const Size = await engine.world.volumes.usage(record).catch(() => -1);
    return { ...volumeJson(places, volume), UsageData: { RefCount: usersOf(engine, record.name).length, Size } };
  }));
}

function images(call: Call): { LayersSize: number; Images: object[] } {
  const { roster, engine } = call;
  const selected = selectImages(all(roster, 'image'), { roster, filters: new Map(), all: false, now: engine.world.clock.now() });
  return { LayersSize: [...layerSizes(roster).values()].reduce((sum, size) => sum + size, 0), Images: listImages({ ...call, version: Math.max(call.version, 51) }, selected, true) };
}

/** What is asked for by `type`, of 1.42 on; what is not is null. */
const parts: Readonly<Record<string, (call: Call) => object | Promise<object>>> = {
  container: async (call) => ({ Containers: await containers(call) }),
  image: images,
  volume: async (call) => ({ Volumes: await volumes(call) }),
  'build-cache': () => ({ BuildCache: [] }),
};

async function usage(call: Call): Promise<Answer> {
  const asked = call.version < 42 ? [] : call.query.getAll('type');
  const unknown = asked.find((type) => !(type in parts));
  if (unknown !== undefined) throw new Refused('invalid', `unknown object type: ${unknown}`);
  const wanted = asked.length === 0 ? Object.keys(parts) : asked;
  const found = await Promise.all(wanted.map((type) => parts[type]!(call)));
  return json(Object.assign({ LayersSize: 0, Images: null, Containers: null, Volumes: null, BuildCache: null, BuilderSize: 0 }, ...found));
}

/** `docker system prune` asks for this too: nothing is built here, so nothing is kept of it. */
const pruneBuilds = (): Answer => json({ CachesDeleted: null, SpaceReclaimed: 0 });

export const rows: readonly Row[] = [query('GET', '/system/df', usage), command('POST', '/build/prune', pruneBuilds, { since: 31 })];
