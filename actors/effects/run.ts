// run.ts: what a run of a container takes: volumes, an address, its streams, a task; opened in that order, closed in the other
import type { PortMap } from '../../events/spec.ts';
import type { Endpoint, NetworkRecord } from '../../events/network.ts';
import type { Context } from '../../machines/container/evolve.ts';
import { ask, tellHealth } from '../ask.ts';
import type { Engine } from '../engine.ts';
import { all, get, viewOf, type Entity } from '../roster.ts';
import type { Work } from '../effect.ts';
import { WorldFailure, type Publish, type Run } from '../world.ts';
import { Refused } from '../refused.ts';

type ContainerWork = Work<'container', Context>;

interface Attachment {
  readonly network: NetworkRecord;
  readonly endpoint: Endpoint;
}

export async function openRun(work: ContainerWork): Promise<{ pid: number; ports: PortMap }> {
  const { engine, context } = work;
  const { world } = engine;
  if (!world.runtime.up) throw new WorldFailure('runtimeDown', 'containerd does not answer: it is being started again');
  const image = get(engine.roster, 'image', context.spec.image.id.replace('sha256:', ''));
  const [volumePaths, attachments, stdio] = await Promise.all([
    openVolumes(work), lease(work), world.stdio.open(context.id, context.name, context.spec),
  ]);
  const networkNamespace = await namespaceOf(work);
  const run: Run = {
    id: context.id, name: context.name, spec: context.spec, image: image ? viewOf(image).context.image : null, networkNamespace, volumePaths,
    hosts: hostsOf(context, attachments), dns: resolverOf(work), join: joined(engine, context), stdio,
  };
  const [ports, task] = await Promise.all([connect(work, attachments), world.runtime.createTask(run)]);
  if (task.state === 'created') await world.runtime.startTask(context.id);
  return { pid: task.pid, ports };
}

export async function closeRun(work: ContainerWork, { keepTask } = { keepTask: false }): Promise<void> {
  const { engine, context, entity, asker } = work;
  const { world } = engine;
  if (entity.parts.has('health')) await tellHealth(engine, entity, { name: 'reportEnded' }, asker);
  await Promise.all([world.networks.closeSandbox(context.id), keepTask ? undefined : world.runtime.release(context.id)]);
  if (!keepTask) await world.stdio.drained(context.id);
  for (const network of [...all(engine.roster, 'network')]) {
    if (viewOf(network).context.endpoints[context.id]) await ask(engine, 'network', network.id, { name: 'disconnect', containerId: context.id }, asker);
  }
  for (const name of new Set(context.spec.mounts.flatMap((mount) => (mount.type === 'volume' && mount.name ? [mount.name] : [])))) {
    await closeVolume(work, name);
  }
}

async function openVolumes({ engine, context, asker }: ContainerWork): Promise<Record<string, string>> {
  const paths: Record<string, string> = {};
  for (const mount of context.spec.mounts) {
    if (mount.type === 'bind') await openBind(engine, mount);
    if (mount.type !== 'volume' || mount.name === undefined) continue;
    const volume = get(engine.roster, 'volume', mount.name);
    if (!volume || viewOf(volume).state !== 'present') throw new WorldFailure('mountSourceMissing', `get ${mount.name}: no such volume`);
    const { destination, readWrite, propagation } = mount;
    const record = viewOf(volume).context.volume;
    const path = await engine.world.volumes.mount(record);
    if (mount.copy) await engine.world.volumes.copyUp(record, context.id, destination);
    await ask(engine, 'volume', mount.name, { name: 'mount', containerId: context.id, destination, readWrite, propagation }, asker);
    paths[destination] = mount.subpath ? `${path}/${mount.subpath}` : path;
  }
  return paths;
}

async function openBind(engine: Engine, mount: { source: string; createSource?: boolean }): Promise<void> {
  if (await engine.world.host.exists(mount.source)) return;
  if (!mount.createSource) throw new WorldFailure('mountSourceMissing', `invalid mount config for type "bind": bind source path does not exist: ${mount.source}`);
  await engine.world.host.makeFolder(mount.source);
}

async function closeVolume({ engine, context, asker }: ContainerWork, name: string): Promise<void> {
  const volume = get(engine.roster, 'volume', name);
  if (!volume || !viewOf(volume).context.mountedBy.includes(context.id)) return;
  await ask(engine, 'volume', name, { name: 'unmount', containerId: context.id }, asker);
  if (viewOf(volume).context.mountedBy.length === 0) await engine.world.volumes.unmount(viewOf(volume).context.volume);
}

/** Modes that stand for no network of ours. moby: container/hostconfig_unix.go */
const ownNamespace = (mode: string) => mode !== 'host' && !mode.startsWith('container:');

/** Asks each network for an address; the same one when it is asked again. */
async function lease({ engine, context, asker }: ContainerWork): Promise<Attachment[]> {
  const mode = context.spec.hostConfig.NetworkMode;
  if (!ownNamespace(mode) && mode !== 'host') return [];
  const attachments: Attachment[] = [];
  for (const [wanted, request] of Object.entries(context.spec.networks)) {
    const network = findNetwork(engine, wanted);
    if (!network) throw new WorldFailure('networkMissing', `network ${wanted} not found`);
    const { IPAMConfig, MacAddress, Aliases } = request;
    await ask(
      engine, 'network', network.id,
      {
        name: 'connect', containerId: context.id, endpointId: engine.world.random.hex(32), address: IPAMConfig?.IPv4Address || null,
        mac: MacAddress || context.spec.config.MacAddress || null, aliases: [...(Aliases ?? [])],
      },
      asker,
    ).catch((error: unknown) => {
      throw error instanceof Refused ? new WorldFailure(error.kind === 'forbidden' ? 'addressInUse' : 'other', error.message) : error;
    });
    const { network: record, endpoints } = viewOf(network).context;
    attachments.push({ network: record, endpoint: endpoints[context.id]! });
  }
  return attachments;
}

/** By name, id or `default` for the default bridge; what a client writes is looked up in actors/operations/network.ts. */
function findNetwork(engine: Engine, wanted: string): Entity<'network'> | undefined {
  const id = engine.roster.names.network.get(wanted === 'default' ? 'bridge' : wanted) ?? wanted;
  return get(engine.roster, 'network', id);
}

async function namespaceOf({ engine, context }: ContainerWork): Promise<string | null> {
  const mode = context.spec.hostConfig.NetworkMode;
  if (mode === 'host') return null;
  if (mode === 'none') return '';
  if (!mode.startsWith('container:')) return engine.world.networks.openSandbox(context.id);
  const { pid } = runningContainer(engine, mode.slice('container:'.length));
  return `/proc/${pid}/ns/net`;
}

async function connect({ engine, context }: ContainerWork, attachments: readonly Attachment[]): Promise<PortMap> {
  const ports: PortMap = {};
  let publish = publishOf(context);
  for (const { network, endpoint } of attachments) {
    if (network.driver !== 'bridge') continue;
    Object.assign(ports, await engine.world.networks.attach(context.id, context.name, network, endpoint, publish));
    publish = [];
  }
  return ports;
}

export function publishOf(context: Context): Publish[] {
  const { PortBindings, PublishAllPorts } = context.spec.hostConfig;
  const exposed = Object.keys(context.spec.config.ExposedPorts ?? {});
  const asked: PortMap = { ...(PublishAllPorts ? Object.fromEntries(exposed.map((port) => [port, []])) : {}), ...PortBindings };
  return Object.entries(asked).map(([port, bindings]) => {
    const [number, protocol = 'tcp'] = port.split('/');
    return { containerPort: Number(number), protocol: protocol as Publish['protocol'], bindings: bindings?.length ? bindings : [{ HostIp: '', HostPort: '' }] };
  });
}

function hostsOf({ spec, id }: Context, attachments: readonly Attachment[]): Run['hosts'] {
  const own = attachments.filter(({ endpoint }) => endpoint.address !== '').map(({ endpoint }) => ({
    address: endpoint.address,
    names: [spec.config.Domainname ? `${spec.config.Hostname}.${spec.config.Domainname}` : '', spec.config.Hostname || id.slice(0, 12)].filter((name) => name !== ''),
  }));
  const gateway = attachments.find(({ network }) => network.ipv4)?.network.ipv4?.gateway ?? '';
  const extra = (spec.hostConfig.ExtraHosts ?? []).map((entry) => {
    const cut = entry.indexOf(':');
    const address = entry.slice(cut + 1);
    return { address: address === 'host-gateway' ? gateway : address, names: [entry.slice(0, cut)] };
  });
  return [...extra, ...own];
}

function resolverOf({ engine, context }: ContainerWork): Run['dns'] {
  const { Dns, DnsSearch, DnsOptions, NetworkMode } = context.spec.hostConfig;
  return engine.world.networks.resolver({ servers: Dns ?? [], search: DnsSearch ?? [], options: DnsOptions ?? [] }, NetworkMode === 'host');
}

/** The running container that a `container:` mode names. */
function runningContainer(engine: Engine, reference: string): { id: string; pid: number } {
  const id = engine.roster.names.container.get(reference) ?? reference;
  const entity = get(engine.roster, 'container', id);
  if (!entity) throw new WorldFailure('other', `No such container: ${reference}`);
  const { pid } = viewOf(entity).context.run;
  if (pid === 0) throw new WorldFailure('conflict', `cannot join network of a non running container: ${id}`);
  return { id, pid };
}

function joined(engine: Engine, { spec }: Context): Run['join'] {
  const named = (mode: string) => (mode.startsWith('container:') ? runningContainer(engine, mode.slice('container:'.length)).pid : undefined);
  return { pid: named(spec.hostConfig.PidMode), ipc: named(spec.hostConfig.IpcMode) };
}

