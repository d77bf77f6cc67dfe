// log-options.test.ts: which log configurations are refused, in Docker's words
import test from 'ava';
import { checkLogConfig } from '../../../actors/stdio/log-options.ts';
import { logTag } from '../../../actors/stdio/log-tag.ts';
import { duration, size } from '../../../actors/stdio/size.ts';

const check = (Type: string, Config: Record<string, string> = {}): string | null => checkLogConfig({ Type, Config });

const accepted: [string, Record<string, string>][] = [
  ['json-file', {}],
  ['json-file', { 'max-size': '10m', 'max-file': '3', compress: 'true', labels: 'a,b', env: 'C', tag: '{{.Name}}', mode: 'blocking' }],
  ['json-file', { mode: 'non-blocking', 'max-buffer-size': '4m' }],
  ['none', { anything: 'goes' }],
  ['local', { 'max-size': '1k', 'max-file': '2' }],
  ['syslog', { 'syslog-address': 'udp://127.0.0.1', 'syslog-facility': 'local3', 'syslog-format': 'rfc5424micro' }],
  ['syslog', { 'syslog-facility': '12' }],
  ['journald', { labels: 'a' }],
  ['fluentd', { 'fluentd-address': 'localhost:24224', 'fluentd-async': 'true', 'fluentd-retry-wait': '1.5s', 'fluentd-buffer-limit': '2mb' }],
  ['gelf', { 'gelf-address': 'udp://localhost:12201', 'gelf-compression-type': 'zlib', 'gelf-compression-level': '-1' }],
];

for (const [driver, options] of accepted) {
  test(`${driver} takes ${JSON.stringify(options)}`, (t) => {
    t.is(check(driver, options), null);
  });
}

const refused: [string, Record<string, string>, string][] = [
  ['splunk', {}, "logger: no log driver named 'splunk' is registered"],
  ['json-file', { mode: 'fast' }, 'logger: logging mode not supported: fast'],
  ['json-file', { 'max-buffer-size': '1m' }, "logger: max-buffer-size option is only supported with 'mode=non-blocking'"],
  ['json-file', { mode: 'non-blocking', 'max-buffer-size': 'much' }, "error parsing option max-buffer-size: invalid size: 'much'"],
  ['json-file', { foo: 'bar' }, "unknown log opt 'foo' for json-file log driver"],
  ['json-file', { 'max-size': '0' }, 'max-size must be a positive number'],
  ['json-file', { 'max-size': '10x' }, "invalid size: '10x'"],
  ['json-file', { 'max-file': '0' }, 'max-file cannot be less than 1'],
  ['json-file', { 'max-file': 'two' }, 'strconv.Atoi: parsing "two": invalid syntax'],
  ['json-file', { compress: 'true' }, 'compress cannot be true when max-file is less than 2 or max-size is not set'],
  ['json-file', { compress: 'maybe' }, 'strconv.ParseBool: parsing "maybe": invalid syntax'],
  ['local', { foo: 'bar' }, "unknown log opt 'foo' for log driver local"],
  ['local', { 'max-file': '1' }, 'compression cannot be enabled when max file count is 1'],
  ['syslog', { 'syslog-address': 'nowhere' }, 'syslog-address should be in form proto://address, got nowhere'],
  ['syslog', { 'syslog-facility': 'kitchen' }, 'invalid syslog facility'],
  ['syslog', { 'syslog-format': 'rfc1' }, 'Invalid syslog format'],
  ['journald', { foo: 'bar' }, "unknown log opt 'foo' for journald log driver"],
  ['fluentd', { 'fluentd-retry-wait': 'soon' }, 'time: invalid duration "soon"'],
  ['gelf', { foo: 'bar' }, 'unknown log opt "foo" for gelf log driver'],
  ['gelf', { 'gelf-address': 'unix:///tmp/x' }, 'gelf: endpoint needs to be TCP or UDP'],
  ['gelf', { 'gelf-address': 'udp://localhost' }, 'gelf: please provide gelf-address as proto://host:port'],
  ['gelf', { 'gelf-compression-type': 'zip' }, 'unknown value "zip" for log opt "gelf-compression-type" for gelf log driver'],
];

for (const [driver, options, message] of refused) {
  test(`${driver} refuses ${JSON.stringify(options)}`, (t) => {
    t.is(check(driver, options), message);
  });
}

test('a size of a file counts in thousands, one of memory in powers of two', (t) => {
  t.deepEqual([size('10m', 1000), size('1.5k', 1024), size('7', 1000), size('2 GB', 1000)], [10_000_000, 1536, 7, 2_000_000_000]);
  t.deepEqual([duration('1m30s'), duration('1.5s'), duration('250ms')], [90_000, 1500, 250]);
});

test('a tag is made of fields and functions, and what is not known is refused', (t) => {
  const container = {
    id: '4c01db0b339c17d4', name: 'Web', imageId: 'sha256:6d5fcfe5', imageName: 'busybox:1', command: 'sh -c true', hostname: 'dock',
    attributes: { MODE: 'fast' },
  };
  const of = (template: string): string => logTag(template, container);
  t.is(of('{{.ID}}|{{.FullID}}|{{ .Name }}'), '4c01db0b339c|4c01db0b339c17d4|Web');
  t.is(of('{{.ImageName}} {{.ImageFullID}} {{.DaemonName}} {{.Command}}'), 'busybox:1 sha256:6d5fcfe5 tallyd sh -c true');
  t.is(of('{{lower .Name}} {{(.ExtraAttributes nil).MODE}}'), 'web fast');
  t.throws(() => of('{{.Nothing}}'), { message: 'template: log-tag: cannot evaluate {{.Nothing}}' });
});
