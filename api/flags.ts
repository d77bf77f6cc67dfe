// flags.ts: what the daemon is told to be, from its command line and its configuration file
import { commandLines } from './cli/commands.ts';
import { readConfigFile } from './config-file.ts';
import { readCommandLine, UsageError, type Given } from './flag-syntax.ts';
import { flagNamed, flags, type Flag, type FlagValue } from './flag-table.ts';
import { listenerOf, type ListenerAddress } from './listener-address.ts';

export interface Options {
  readonly hosts: readonly ListenerAddress[];
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidfile: string;
  readonly group: string;
  /** The group was asked for, so it has to exist. */
  readonly groupAsked: boolean;
  readonly debug: boolean;
  readonly logLevel: string;
  readonly labels: readonly string[];
  readonly mtu: number;
  /** `192.168.5.1/24`, or empty: any free subnet. */
  readonly bip: string;
  /** `none`, or empty. */
  readonly bridge: string;
  readonly icc: boolean;
  readonly iptables: boolean;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** Address of a foreign containerd, or empty: an own one is started. */
  readonly containerd: string;
  readonly defaultRuntime: string;
  /** Path of each runtime beside runc, by name. */
  readonly runtimes: Readonly<Record<string, string>>;
  /** Seconds; below zero: no limit. */
  readonly shutdownTimeout: number;
  readonly liveRestore: boolean;
  /** `sqlite:PATH` or `memory:`. */
  readonly eventLog: string;
  /** Null: the history is not served to event clients. */
  readonly eventListen: ListenerAddress | null;
  /** How streams begin that event clients may append to, or empty: none. */
  readonly eventScratch: string;
  readonly world: 'linux' | 'simulated';
  readonly seed: number;
}

/** What to do instead of running the daemon, or how to run it. */
export type Reading = { readonly ask: 'version' | 'help' | 'validate' } | { readonly ask: 'run'; readonly options: Options };

/** Gives a file's text, null when there is none. */
export type ReadFile = (path: string) => string | null;

const named = (name: string) => flagNamed.get(name) as Flag;
const same = (one: FlagValue, other: FlagValue) => JSON.stringify(one) === JSON.stringify(other);

function supported(given: Given): void {
  for (const [flag, value] of given) {
    if (flag.supported || same(value, flag.initial)) continue;
    throw new UsageError(`--${flag.name} is an option of dockerd that tallyd does not support yet`);
  }
}

function agreeing(options: Options): void {
  if (options.bridge && options.bip) throw new UsageError('You specified -b & --bip, mutually exclusive options. Please specify only one');
  if (!options.iptables && !options.icc) {
    throw new UsageError('You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please set --icc or --iptables to true');
  }
  if (options.bridge && options.bridge !== 'none') throw new UsageError(`--bridge takes only 'none' yet: tallyd makes the default bridge itself`);
  if (options.bip && !/^(\d{1,3}\.){3}\d{1,3}\/([89]|[12]\d|30)$/.test(options.bip)) throw new UsageError(`invalid CIDR address: ${options.bip}`);
  if (options.eventScratch && !options.eventListen) throw new UsageError('--event-scratch is for clients of --event-listen, which is not given');
  if (options.mtu < 68 || options.mtu > 65535) throw new UsageError(`invalid default MTU: ${options.mtu}`);
  if (options.defaultRuntime !== 'runc' && !(options.defaultRuntime in options.runtimes)) {
    throw new UsageError(`specified default runtime '${options.defaultRuntime}' does not exist`);
  }
  const labels = new Map<string, string>();
  for (const [key = '', value = ''] of options.labels.map((each) => [each.slice(0, each.indexOf('=')), each])) {
    if (labels.has(key) && labels.get(key) !== value) throw new UsageError(`conflict labels for ${labels.get(key)} and ${value}`);
    labels.set(key, value);
  }
}

function optionsFrom(given: Given): Options {
  const value = <T extends FlagValue>(name: string): T => (given.get(named(name)) ?? named(name).initial) as T;
  const dataRoot = value<string>('data-root');
  const execRoot = value<string>('exec-root');
  for (const [name, path] of [['data-root', dataRoot], ['exec-root', execRoot]]) {
    if (!path?.startsWith('/')) throw new UsageError(`--${name} must be an absolute path, not "${path}"`);
  }
  const hosts = value<string[]>('host');
  return {
    hosts: (hosts.length > 0 ? hosts : [`unix://${execRoot}/tallyd.sock`]).map(listenerOf),
    dataRoot, execRoot,
    pidfile: value<string>('pidfile') || `${execRoot}/tallyd.pid`,
    group: value('group'), groupAsked: given.has(named('group')),
    debug: value('debug'), logLevel: value<boolean>('debug') ? 'debug' : value('log-level'), labels: value<string[]>('label'),
    mtu: value('mtu'), bip: value('bip'), bridge: value('bridge'), icc: value('icc'), iptables: value('iptables'),
    dns: value<string[]>('dns'), dnsSearch: value<string[]>('dns-search'), dnsOptions: value<string[]>('dns-opt'),
    containerd: value<string>('containerd').replace(/^unix:\/\//, ''),
    defaultRuntime: value('default-runtime'), runtimes: value('add-runtime'),
    shutdownTimeout: value('shutdown-timeout'), liveRestore: value('live-restore'),
    eventLog: value<string>('event-log') || `sqlite:${dataRoot}/log/log.db`,
    eventListen: value<string>('event-listen') === '' ? null : listenerOf(`tcp://${value<string>('event-listen')}`), eventScratch: value('event-scratch'),
    world: value('world'), seed: value('seed'),
  };
}

function fileGiven(line: Given, readFile: ReadFile): Given {
  const flag = named('config-file');
  const path = (line.get(flag) ?? flag.initial) as string;
  const text = readFile(path);
  if (text === null && !line.has(flag)) return new Map();
  try {
    if (text === null) throw new UsageError(`open ${path}: no such file or directory`);
    return readConfigFile(text, line);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`unable to configure the Docker daemon with file ${path}: ${error.message}`);
  }
}

/** Reads `tallyd [daemon] [OPTIONS]`; throws `UsageError` with dockerd's words where it has some. */
export function readOptions(words: readonly string[], readFile: ReadFile): Reading {
  const line = readCommandLine(words[0] === 'daemon' ? words.slice(1) : words);
  if (line.get(named('help'))) return { ask: 'help' };
  if (line.get(named('version'))) return { ask: 'version' };
  const file = fileGiven(line, readFile);
  const runtimes = { ...(file.get(named('add-runtime')) as object), ...(line.get(named('add-runtime')) as object) } as Record<string, string>;
  const given: Given = new Map([...file, ...line, [named('add-runtime'), runtimes]]);
  supported(given);
  const options = optionsFrom(given);
  agreeing(options);
  return line.get(named('validate')) ? { ask: 'validate' } : { ask: 'run', options };
}

export function usage(): string {
  const lines = flags.filter((each) => each.supported).map((each) => {
    const left = `${each.short ? `-${each.short},` : '   '} --${each.name}${each.kind === 'bool' ? '' : ` ${each.kind}`}`;
    return `  ${left.padEnd(30)}${each.help}${each.initial && typeof each.initial !== 'object' ? ` (default ${each.initial})` : ''}`;
  });
  return [
    'Usage:  tallyd [daemon] [OPTIONS]', '        tallyd COMMAND', '',
    'A container engine that speaks the Docker Engine API and keeps its whole history.', '', 'Options:', ...lines, '', 'Commands:', ...commandLines(), '',
  ].join('\n');
}
