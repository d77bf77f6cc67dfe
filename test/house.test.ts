// house.test.ts: the rules of the house; each failure names its cure
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import test from 'ava';

const house = dirname(import.meta.dirname);
const floors = ['events', 'machines', 'actors', 'api'] as const;
type Floor = (typeof floors)[number];
const kinds = ['daemon', 'container', 'image', 'volume', 'network', 'exec', 'health'];

interface File {
  /** `machines/container/chart.ts` */
  readonly path: string;
  readonly floor: Floor | 'test';
  readonly text: string;
  /** Files of ours that it imports: for values, and for types only. */
  readonly values: readonly string[];
  readonly types: readonly string[];
  readonly packages: readonly string[];
}

function filesIn(floor: File['floor']): File[] {
  const names = readdirSync(join(house, floor), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return names.map((name) => read(join(floor, name), floor));
}

function read(path: string, floor: File['floor']): File {
  const text = readFileSync(join(house, path), 'utf8');
  const imports = [...text.matchAll(/^(?:import|export)\s+(type\s)?([^;'"]*?from\s+)?['"]([^'"]+)['"]/gm)].map(([, isType, names = '', from = '']) => ({
    from, isType: isType !== undefined || /^\{(\s*type\s+\w+(\s+as\s+\w+)?\s*,?)+\}\s*from/.test(names),
  }));
  const ours = (isType: boolean) => imports.filter((each) => each.from.startsWith('.') && each.isType === isType).map(({ from }) => normalize(join(dirname(path), from)));
  return { path, floor, text, values: ours(false), types: ours(true), packages: imports.filter(({ from, isType }) => !isType && !from.startsWith('.')).map(({ from }) => from) };
}

const built = floors.flatMap(filesIn);
const all = [...built, ...filesIn('test')];
const none = (t: import('ava').ExecutionContext, found: readonly string[], cure: string) => t.deepEqual(found, [], `${cure}\n${found.join('\n')}`);
const level = (path: string) => floors.findIndex((floor) => path.startsWith(`${floor}/`));

test('imports go downwards only', (t) => {
  const upward = built.flatMap((file) => [...file.values, ...file.types].filter((to) => level(to) > level(file.path) || to.startsWith('test/')).map((to) => `${file.path} imports ${to}`));
  none(t, upward, 'Move what is needed down to the lower floor, or let the upper floor hand it in as a parameter.');
});

test('machines are pure', (t) => {
  const impure = built.filter(({ floor }) => floor === 'machines').flatMap(({ path, packages }) => packages.filter((name) => name !== 'xstate').map((name) => `${path} imports ${name}`));
  none(t, impure, 'What needs Node or a package is an effect: give it a name in the chart and a function in actors/effects/.');
});

test('a kind never imports another kind', (t) => {
  const kindOf = (path: string) => /^machines\/([^/]+)\//.exec(path)?.[1] ?? (kinds.includes(basename(path, '.ts')) && path.startsWith('events/') && path.split('/').length === 2 ? basename(path, '.ts') : null);
  const meets = built.filter(({ floor }) => floor === 'machines' || floor === 'events').flatMap(({ path, values, types }) => {
    const kind = kindOf(path);
    const others = [...values, ...types].filter((to) => level(to) === level(path) && kindOf(to) !== null && kindOf(to) !== kind);
    return kind === null ? [] : others.map((to) => `${path} imports ${to}`);
  });
  none(t, meets, 'Kinds meet in facts: let an effect ask the other entity for what is needed, or put what both need beside them.');
});

test('no files of a floor import each other in a circle', (t) => {
  const byPath = new Map(built.map((file) => [file.path, file]));
  const found = new Set<string>();
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) return void found.add(trail.slice(at).toSorted().join(' <-> '));
    if (done.has(path)) return;
    for (const to of byPath.get(path)?.values ?? []) walk(to, [...trail, path]);
    done.add(path);
  };
  for (const { path } of built) walk(path, []);
  none(t, [...found], 'Put what both need into a file of its own, or hand it in as a parameter.');
});

/** Each package has one owner: design decisions about it are made there, and it can be replaced there. */
const owners: Readonly<Record<string, RegExp>> = {
  '@kurrent/kurrentdb-client': /^events\/stores\/kurrentdb/,
  '@grpc/grpc-js': /^(actors\/containerd\/|api\/grpc\/)/,
  '@grpc/proto-loader': /^(actors\/containerd\/|api\/grpc\/)/,
  koa: /^api\/(docker|inspector)\//,
  'tar-stream': /^actors\//,
  xstate: /^(machines\/|actors\/startup\.ts|api\/cli\/)/,
  valibot: /^(events|machines)\//,
  '@valibot/to-json-schema': /^api\/docker\/shapes\/facts-schema\.ts$/,
  'node:sqlite': /^events\/stores\//,
  'node:ffi': /^actors\/worlds\/libc\.ts$/,
};

test('each package is used by its owner only', (t) => {
  const astray = built.flatMap(({ path, packages }) => packages.filter((name) => owners[name] && !owners[name].test(path)).map((name) => `${path} imports ${name}`));
  none(t, astray, 'Ask the owner for it, or make this file an owner in test/house.test.ts and say why in the commit.');
});

/** Where time, chance and the environment may be asked for: the real world's own rooms, and the process's entry. */
const worldly = /^(actors\/(containerd|images|network|registry|runtime|stdio|volumes|build|worlds)\/|events\/stores\/|api\/main\.ts$)/;
const unworldly: ReadonlyMap<string, string> = new Map([
  ['api/docker/connection.ts', 'a connection that was taken over is given a moment to close'],
]);
test('clock, chance and environment come from the world', (t) => {
  const banned = /\bDate\.now\(|\bnew Date\(\)|\bsetTimeout\(|\bsetInterval\(|\bMath\.random\(|\bprocess\.env\b|'node:timers/;
  const found = built.filter(({ path, text }) => !worldly.test(path) && !unworldly.has(path) && banned.test(text)).map(({ path, text }) => `${path}: ${banned.exec(text)?.[0]}`);
  none(t, found, 'Take world.clock and world.random; a deadline is a fact that an effect waits for; options come as parameters.');
});

test('every file says on its first line what it is', (t) => {
  const silent = all.filter(({ path, text }) => !text.startsWith(`// ${basename(path)}: `)).map(({ path }) => path);
  none(t, silent, 'Begin the file with `// name.ts: what it is`.');
});

const longest = 400;
test('no file is longer than its reader', (t) => {
  const long = all.filter(({ text }) => text.split('\n').length > longest).map(({ path, text }) => `${path}: ${text.split('\n').length} lines`);
  none(t, long, `More than ${longest} lines: find the second thing that the file is about, and give it a file of its own.`);
});

test('file names are nouns in kebab-case, in folders that say what is in them', (t) => {
  const odd = all.filter(({ path }) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|features))?\.ts$/.test(basename(path).replace(/^_/, ''))).map(({ path }) => path);
  const vague = all.filter(({ path }) => /\/(src|lib|utils?|common|types|services?|managers?|helpers?)(\/|\.ts$)/.test(`/${path}`)).map(({ path }) => path);
  none(t, [...odd, ...vague], 'Name the file after the thing that it defines.');
});

test('no type is any', (t) => {
  const found = all.filter(({ path }) => path !== 'events/fact.ts').flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (!line.includes('no-explicit-any') && /(:\s|<|\bas\s)any\b(?!:)|\bany\[\]/.test(line.replace(/\/\/.*|'[^']*'|`[^`]*`|^\s*\*.*|\/\*.*/g, '')) ? [`${path}:${index + 1}: ${line.trim()}`] : [])));
  none(t, found, 'Say what it is; `unknown` and a check where it comes from outside. A test may disable the linter at the line.');
});

test('nothing is exported by a star', (t) => {
  none(t, all.filter(({ text }) => /^export \*/m.test(text)).map(({ path }) => path), 'Import from the file that defines it.');
});
