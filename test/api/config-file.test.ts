// config-file.test.ts: the daemon's configuration file
import test from 'ava';
import { UsageError } from '../../api/flag-syntax.ts';
import { readOptions, type Options } from '../../api/flags.ts';

const path = '/etc/tallyd/daemon.json';
function options(text: string | null, ...words: string[]): Options {
  const reading = readOptions(words, (asked) => (asked === path ? text : null));
  if (reading.ask !== 'run') throw new Error(`asks for ${reading.ask}`);
  return reading.options;
}

test('the file has the keys that dockerd has', (t) => {
  const given = options(JSON.stringify({
    debug: true, hosts: ['unix:///x'], 'data-root': '/d', 'exec-root': '/e', labels: ['a=b'], mtu: 1400, bip: '192.168.9.1/24', dns: ['10.0.0.2'],
    'shutdown-timeout': 3, 'live-restore': true, group: 'wheel', runtimes: { crun: { path: '/usr/bin/crun' } }, 'default-runtime': 'crun',
  }));
  t.like(given, {
    debug: true, hosts: [{ kind: 'unix', path: '/x' }], dataRoot: '/d', execRoot: '/e', labels: ['a=b'], mtu: 1400, bip: '192.168.9.1/24', dns: ['10.0.0.2'],
    shutdownTimeout: 3, liveRestore: true, group: 'wheel', runtimes: { crun: '/usr/bin/crun' }, defaultRuntime: 'crun',
  });
});

test('without a file, or with an empty one, the daemon has its defaults', (t) => {
  t.is(options(null).mtu, 1500);
  t.is(options(' \n').mtu, 1500);
  t.is(options('{}').mtu, 1500);
});

const refused: [string, string][] = [
  ['{"debug": true, "debug": false}', 'the key "debug" is given twice'],
  ['{"runtimes": {"a": {"path": "/x", "path": "/y"}}}', 'the key "path" is given twice'],
  ['{"de\\u0062ug": true, "debug": false}', 'the key "debug" is given twice'],
  ['{"nope": 1, "debug": true, "zip": 2}', "the following directives don't match any configuration option: nope, zip"],
  ['{"debug": "yes"}', '"debug" must be true or false, not a string'],
  ['{"mtu": "1500"}', '"mtu" must be a whole number, not a string'],
  ['{"mtu": 1.5}', '"mtu" must be a whole number, not a number'],
  ['{"labels": "a=b"}', '"labels" must be a list of strings, not a string'],
  ['{"labels": [1]}', '"labels" must be a list of strings, not a list'],
  ['{"labels": ["a"]}', '"labels": bad attribute format: a'],
  ['{"data-root": null}', '"data-root" must be a string, not null'],
  ['{"runtimes": ["x"]}', '"runtimes" must be an object, not a list'],
  ['{"log-level": "loud"}', '"log-level": invalid logging level: loud'],
  ['[]', 'it must be a JSON object, not a list'],
];
for (const [text, message] of refused) {
  test(`a file with ${text} is refused with a sentence`, (t) => {
    const error = t.throws(() => options(text), { instanceOf: UsageError });
    t.is(error.message, `unable to configure the Docker daemon with file ${path}: ${message}`);
  });
}

test('a file that is no JSON is refused', (t) => {
  t.regex(t.throws(() => options('{"debug": true,}'), { instanceOf: UsageError }).message, /it is no JSON/);
});

test('a key whose value is the text of another key is no duplicate', (t) => {
  t.notThrows(() => options('{"labels": ["debug=1", "x=debug"], "group": "debug", "debug": true}'));
});

test('what the command line says too is refused with both values', (t) => {
  const error = t.throws(() => options('{"debug": true, "labels": ["a=b"], "mtu": 1400}', '-D', '--label', 'c=d'));
  t.is(error?.message, `unable to configure the Docker daemon with file ${path}: the following directives are specified both as a flag and in the configuration file: debug: (from flag: true, from file: true), labels: (from flag: [c=d], from file: [a=b])`);
});

test('runtimes of the command line and of the file are put together', (t) => {
  t.deepEqual(options('{"runtimes": {"a": {"path": "/a"}}}', '--add-runtime', 'b=/b').runtimes, { a: '/a', b: '/b' });
});

test('a file that was asked for has to exist', (t) => {
  const error = t.throws(() => options(null, '--config-file', '/missing.json'));
  t.is(error?.message, 'unable to configure the Docker daemon with file /missing.json: open /missing.json: no such file or directory');
});

test('options that the file sets against each other are refused', (t) => {
  t.regex(t.throws(() => options('{"iptables": false, "icc": false}')).message, /--iptables=false with --icc=false/);
});
