// config-changes.ts: an image's config changed by Dockerfile instructions, as `docker import` and `docker commit` take them
import { DockerfileParser, type Healthcheck, type Instruction, type PropertyInstruction } from 'dockerfile-ast';
import { duration } from '../../events/duration.ts';
import type { ImageConfig } from '../../events/image.ts';
import type { HealthConfig } from '../../events/spec.ts';
import { signalNumber } from '../../events/signal.ts';
import { cleanPath } from '../../machines/container/mount-spec.ts';
import { Refused } from '../refused.ts';

type Config = NonNullable<ImageConfig['config']>;

interface State {
  readonly config: Config;
  /** A command was given among the changes: an entrypoint does not take it away. */
  readonly commandGiven: boolean;
}
type Change = (state: State, content: string, instruction: Instruction) => Partial<Config>;

const invalid = (message: string): never => {
  throw new Refused('invalid', message);
};

/** `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME:+word}` out of the image's environment. */
function expanded({ config }: State, text: string): string {
  const env = new Map((config.Env ?? []).map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]));
  return text.replace(/\\\$|\$\{(\w+)(?::([-+])([^}]*))?\}|\$(\w+)/g, (found, braced?: string, sign?: string, word = '', plain?: string) => {
    if (found === '\\$') return '$';
    const value = env.get(braced ?? plain ?? '') ?? '';
    if (sign === '+') return value === '' ? '' : word;
    return value === '' && sign === '-' ? word : value;
  });
}

/** `["a", "b"]`; null when it is written for a shell. */
function list(content: string): string[] | null {
  try {
    const parsed: unknown = JSON.parse(content);
    return Array.isArray(parsed) && parsed.every((each) => typeof each === 'string') ? parsed : null;
  } catch {
    return null;
  }
}
const command = ({ config }: State, content: string): string[] => list(content) ?? [...(config.Shell ?? ['/bin/sh', '-c']), content];
const words = (content: string): string[] => list(content) ?? content.split(/\s+/).filter(Boolean);

const properties = (state: State, instruction: Instruction): [name: string, value: string][] =>
  (instruction as PropertyInstruction).getProperties().map((property) => [expanded(state, property.getName()), expanded(state, property.getValue() ?? '')]);

function ports(state: State, content: string): Record<string, object> {
  const found: Record<string, object> = {};
  for (const word of words(expanded(state, content))) {
    const [, from = '', to = from, protocol = 'tcp'] = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(word) ?? invalid(`invalid containerPort: ${word}`);
    if (Number(to) > 65535 || Number(to) < Number(from)) invalid(`invalid containerPort: ${word}`);
    for (let port = Number(from); port <= Number(to); port += 1) found[`${port}/${protocol.toLowerCase()}`] = {};
  }
  return found;
}

const healthFlags: Readonly<Record<string, (value: string) => HealthConfig>> = {
  interval: (value) => ({ Interval: span('interval', value) }),
  timeout: (value) => ({ Timeout: span('timeout', value) }),
  'start-period': (value) => ({ StartPeriod: span('start-period', value) }),
  'start-interval': (value) => ({ StartInterval: span('start-interval', value) }),
  retries: (value) => ({ Retries: Number(value) }),
};
const span = (flag: string, value: string): number => Number(duration(value) ?? invalid(`invalid --${flag}: time: invalid duration "${value}"`));

function health(content: string, instruction: Healthcheck): HealthConfig {
  if (/^none$/i.test(content)) return { Test: ['NONE'] };
  const [, test = ''] = /^cmd\s+([\s\S]+)$/i.exec(content) ?? invalid(`Unknown type "${content.split(/\s/)[0]}" in HEALTHCHECK (try CMD)`);
  const parsed = list(test);
  const flags = instruction.getFlags().map((flag) => {
    const read = healthFlags[flag.getName()] ?? invalid(`Unknown flag: ${flag.getName()}`);
    return read(flag.getValue() ?? '');
  });
  return Object.assign({ Test: parsed ? ['CMD', ...parsed] : ['CMD-SHELL', test] }, ...flags) as HealthConfig;
}

/** moby: builder/dockerfile/dispatchers.go */
const changes: Readonly<Record<string, Change>> = {
  CMD: (state, content) => ({ Cmd: command(state, content) }),
  ENTRYPOINT: (state, content) => ({ Entrypoint: command(state, content), ...(state.commandGiven ? {} : { Cmd: null }) }),
  ENV: (state, _, instruction) => {
    const given = properties(state, instruction);
    const kept = (state.config.Env ?? []).filter((each) => !given.some(([name]) => each.startsWith(`${name}=`)));
    return { Env: [...kept, ...given.map(([name, value]) => `${name}=${value}`)] };
  },
  EXPOSE: (state, content) => ({ ExposedPorts: { ...state.config.ExposedPorts, ...ports(state, content) } }),
  HEALTHCHECK: (_, content, instruction) => ({ Healthcheck: health(content, instruction as Healthcheck) }),
  LABEL: (state, _, instruction) => ({ Labels: { ...state.config.Labels, ...Object.fromEntries(properties(state, instruction)) } }),
  ONBUILD: ({ config }, content) => ({ OnBuild: [...(config.OnBuild ?? []), content] }),
  STOPSIGNAL: (state, content) => {
    const signal = expanded(state, content);
    return signalNumber(signal) === null ? invalid(`invalid signal: ${signal}`) : { StopSignal: signal };
  },
  USER: (state, content) => ({ User: expanded(state, content) }),
  VOLUME: (state, content) => ({ Volumes: { ...state.config.Volumes, ...Object.fromEntries(words(expanded(state, content)).map((path) => [path, {}])) } }),
  WORKDIR: (state, content) => {
    const path = expanded(state, content);
    return { WorkingDir: cleanPath(path.startsWith('/') ? path : `${state.config.WorkingDir ?? ''}/${path}`) };
  },
};

export function changedConfig(config: Config, lines: readonly string[]): Config {
  let state: State = { config, commandGiven: false };
  for (const instruction of lines.flatMap((line) => DockerfileParser.parse(line).getInstructions())) {
    const keyword = instruction.getKeyword();
    const change = changes[keyword] ?? invalid(`${keyword.toLowerCase()} is not a valid change command`);
    const content = instruction.getArgumentsContent()?.trim() ?? '';
    if (content === '') invalid(`${keyword} requires at least one argument`);
    state = { config: { ...state.config, ...change(state, content, instruction) }, commandGiven: state.commandGiven || keyword === 'CMD' };
  }
  return state.config;
}
