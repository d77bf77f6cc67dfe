// container-create.ts: POST /containers/create: the request as each version of the API means it
import type { ContainerConfig, EndpointRequest, HostConfig } from '../../events/spec.ts';
import { Refused } from '../../actors/refused.ts';
import { createContainer } from '../../actors/operations/container-create.ts';
import { parsePlatform } from './platform.ts';
import { command, json, type Call, type Row } from './route.ts';
import { fromGoJson } from './go-json.ts';
import { createShape } from './shapes/container-request.ts';

interface Body extends ContainerConfig {
  HostConfig: Partial<HostConfig>;
  NetworkingConfig: { EndpointsConfig?: Record<string, EndpointRequest | null> };
}

interface Wish {
  readonly version: number;
  config: Partial<ContainerConfig>;
  host: Partial<HostConfig>;
  networks: Record<string, EndpointRequest | null>;
  readonly warnings: string[];
}

const invalid = (message: string): never => {
  throw new Refused('invalid', message);
};

/** Each is one difference between versions. moby: api/server/router/container postContainersCreate */
const adapters: readonly ((wish: Wish) => void)[] = [
  ({ version, host }) => {
    if (version < 25) host.AutoRemove = false;
  },
  ({ version, host }) => {
    if (version < 40 && !host.IpcMode) host.IpcMode = 'shareable';
  },
  ({ version, host }) => {
    if (version < 42) host.ConsoleSize = [0, 0];
  },
  ({ version, host }) => {
    if (version < 43) delete host.Annotations;
  },
  ({ version, config }) => {
    if (version < 44 && config.Healthcheck) delete config.Healthcheck.StartInterval;
  },
  adaptMounts,
  adaptEndpoints,
  adaptMac,
];

function adaptMounts({ version, host }: Wish): void {
  for (const mount of host.Mounts ?? []) {
    const { BindOptions: bind, Type } = mount;
    if (version < 40 && bind) delete bind.NonRecursive;
    if (version < 42) {
      if (bind) delete bind.CreateMountpoint;
      if (Type !== 'volume') delete mount.VolumeOptions;
      if (Type !== 'tmpfs') delete mount.TmpfsOptions;
    } else {
      if (mount.VolumeOptions && Type !== 'volume') invalid(`VolumeOptions must not be specified on mount type "${Type}"`);
      if (bind && Type !== 'bind') invalid(`BindOptions must not be specified on mount type "${Type}"`);
      if (mount.TmpfsOptions && Type !== 'tmpfs') invalid(`TmpfsOptions must not be specified on mount type "${Type}"`);
    }
    if (version < 44 && Type === 'bind' && bind?.ReadOnlyForceRecursive) invalid('BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer');
    if (version < 45 && mount.VolumeOptions?.Subpath) invalid('VolumeOptions.Subpath needs API v1.45 or newer');
  }
}

function adaptEndpoints({ version, networks, host }: Wish): void {
  const mode = host.NetworkMode;
  if ((mode === undefined || mode === '' || mode === 'default') && 'default' in networks) {
    networks.bridge = networks.default!;
    delete networks.default;
  }
  const names = Object.keys(networks);
  if (version < 44 && names.length > 1) invalid(`Container cannot be created with multiple network endpoints: ${names.join(', ')}`);
  if (version < 48) for (const endpoint of Object.values(networks)) if (endpoint) delete endpoint.GwPriority;
}

const modeOf = ({ host }: Wish): string => (!host.NetworkMode || host.NetworkMode === 'default' ? 'bridge' : host.NetworkMode);
const takesMac = (mode: string) => mode !== 'host' && mode !== 'none' && !mode.startsWith('container:');

/** The container-wide MAC address of old became one of the endpoint. moby: handleMACAddressBC */
function adaptMac(wish: Wish): void {
  const { version, config, networks } = wish;
  const mac = config.MacAddress ?? '';
  const mode = modeOf(wish);
  if (mac === '') {
    if (version < 44) for (const endpoint of Object.values(networks)) if (endpoint) delete endpoint.MacAddress;
    return;
  }
  if (version < 44 && !takesMac(mode)) invalid('conflicting options: mac-address and the network mode');
  if (takesMac(mode)) {
    if (Object.keys(networks).length === 0) networks[mode] = {};
    const endpoint = version < 44 ? Object.values(networks)[0] : networks[mode];
    if (!endpoint) return invalid('HostConfig.NetworkMode must match the identity of a network in NetworkSettings.Networks');
    if (version >= 44 && endpoint.MacAddress && endpoint.MacAddress !== mac) {
      invalid('the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty');
    }
    endpoint.MacAddress = mac;
  }
  if (version < 44) return;
  delete config.MacAddress;
  wish.warnings.push('The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.');
}

async function create(call: Call) {
  const { version, query } = call;
  const body = await call.json();
  if (body === null) invalid('invalid JSON: got EOF while reading request body');
  const { HostConfig = {}, NetworkingConfig = {}, ...config } = fromGoJson<Body>('CreateRequest', createShape, body);
  if (Object.keys(config).length === 0) invalid('config cannot be empty in order to create a container');
  const wish: Wish = { version, config, host: HostConfig, networks: NetworkingConfig.EndpointsConfig ?? {}, warnings: [] };
  for (const adapt of adapters) adapt(wish);
  const platform = version >= 41 && query.get('platform') ? parsePlatform(query.get('platform')!) : null;
  const request = {
    name: query.get('name') ?? '', config: wish.config, hostConfig: wish.host, networks: wish.networks, platform, olderClient: version < 44,
  };
  const { id, warnings } = await createContainer(call.engine, request, call.face.defaultRuntime, call.asker);
  return json({ Id: id, Warnings: [...warnings, ...wish.warnings] }, 201);
}

export const rows: readonly Row[] = [command('POST', '/containers/create', create)];
