// volumes.ts: /volumes
import { createVolume, existingVolume, pruneVolumes, removeVolume, usersOf } from '../../actors/operations/volume.ts';
import { Refused } from '../../actors/refused.ts';
import { all, get, viewOf, type Entity, type Roster } from '../../actors/roster.ts';
import type { VolumeRecord } from '../../events/volume.ts';
import type { Engine } from '../../actors/engine.ts';
import { fromGoJson, type Shape } from './go-json.ts';
import { booleanFilter, filters, flag, hasLabels, type Filters } from './query.ts';
import { command, empty, json, query, type Answer, type Call, type Row } from './route.ts';
import { placesOf, type Places } from './shapes/places.ts';

type Volume = Entity<'volume'>;

const filled = (map: Record<string, string>): Record<string, string> | null => (Object.keys(map).length === 0 ? null : map);

/** Docker's times of volumes have whole seconds. */
export function volumeJson(places: Places, volume: Volume): object {
  const { volume: record, createdAt } = viewOf(volume).context;
  return {
    CreatedAt: createdAt.replace(/\.\d+Z$/, 'Z'), Driver: record.driver, Labels: record.labels, Mountpoint: places.volume(record.name), Name: record.name,
    Options: filled(record.options), Scope: 'local',
  };
}

const volumesOf = (roster: Roster): Volume[] => [...all(roster, 'volume')].filter((volume) => viewOf(volume).state !== 'creating');

function passes(given: Filters, engine: Engine, { name, driver, labels }: VolumeRecord): boolean {
  const dangling = booleanFilter(given, 'dangling');
  if (dangling !== null && (usersOf(engine, name).length === 0) !== dangling) return false;
  const names = given.get('name') ?? [];
  const drivers = given.get('driver') ?? [];
  return (names.length === 0 || names.some((each) => name.includes(each))) && (drivers.length === 0 || drivers.includes(driver)) && hasLabels(labels, given.get('label') ?? []);
}

function list({ face, engine, roster, query: asked }: Call): Answer {
  const given = filters(asked, ['dangling', 'driver', 'label', 'name']);
  const places = placesOf(engine, face.dataRoot);
  const found = volumesOf(roster).filter((volume) => passes(given, engine, viewOf(volume).context.volume));
  return json({ Volumes: found.map((volume) => volumeJson(places, volume)), Warnings: null });
}

function inspect({ face, engine, roster, params }: Call): Answer {
  const volume = get(roster, 'volume', params.name!);
  if (!volume || ['absent', 'creating'].includes(viewOf(volume).state)) throw new Refused('notFound', `get ${params.name}: no such volume`);
  return json(volumeJson(placesOf(engine, face.dataRoot), volume));
}

const createShape: Shape = { fields: { Name: 'string', Driver: 'string', DriverOpts: { map: 'string' }, Labels: { map: 'string' }, ClusterVolumeSpec: 'any' } };
interface CreateBody {
  readonly Name: string;
  readonly Driver: string;
  readonly DriverOpts: Record<string, string>;
  readonly Labels: Record<string, string>;
  readonly ClusterVolumeSpec: unknown;
}

async function create({ face, engine, json: body, asker }: Call): Promise<Answer> {
  const asked = fromGoJson<CreateBody>('CreateOptions', createShape, await body());
  if (asked.ClusterVolumeSpec !== undefined) throw new Refused('notImplemented', 'cluster volumes are not supported: this daemon runs the containers of one machine');
  const request = { name: asked.Name ?? '', driver: asked.Driver ?? '', options: asked.DriverOpts ?? {}, labels: asked.Labels ?? {} };
  const { name } = await createVolume(engine, request, asker).catch((error: unknown) => {
    const prefix = `create ${request.name}: `;
    throw error instanceof Refused && !error.message.startsWith(prefix) ? new Refused(error.kind, `${prefix}${error.message}`) : error;
  });
  return json(volumeJson(placesOf(engine, face.dataRoot), existingVolume(engine, name)!), 201);
}

async function remove({ engine, params, query: asked, asker }: Call): Promise<Answer> {
  await removeVolume(engine, params.name!, flag(asked, 'force'), asker);
  return empty();
}

/** Since 1.42 only those without a name, unless all are asked for; those with options of their own are left alone. */
async function prune({ engine, query: asked, version, asker }: Call): Promise<Answer> {
  const given = filters(asked, ['label', 'label!', 'all']);
  const everyone = version < 42 || (booleanFilter(given, 'all') ?? false);
  const without = given.get('label!') ?? [];
  const wanted = ({ anonymous, options, labels }: VolumeRecord): boolean =>
    (everyone || anonymous) && Object.keys(options).length === 0 && hasLabels(labels, given.get('label') ?? []) && (without.length === 0 || !hasLabels(labels, without));
  const { removed, reclaimed } = await pruneVolumes(engine, wanted, asker);
  return json({ VolumesDeleted: removed, SpaceReclaimed: reclaimed });
}

export const rows: readonly Row[] = [
  query('GET', '/volumes', list),
  query('GET', '/volumes/{name*}', inspect),
  command('POST', '/volumes/create', create),
  command('DELETE', '/volumes/{name*}', remove),
  command('POST', '/volumes/prune', prune, { since: 25 }),
];
