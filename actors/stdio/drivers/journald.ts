// journald.ts: lines to systemd's journal, in its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL)
import type { RemoteSettings } from '../frames.ts';
import type { Line } from '../line-cutter.ts';
import type { OutletSettings } from './outlet.ts';
import type { Driver } from './remote.ts';
import { unixDatagramOutlet } from './unix-datagram.ts';

const socketPath = '/run/systemd/journal/socket';
const severity = { stdout: 6, stderr: 3 } as const;

/** Capital letters, digits and underscores, and no underscore at the beginning. */
const fieldName = (name: string): string =>
  name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')
    .replace(/^_+/, '');

/** A value with a line feed goes with its length. */
function field(name: string, value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  if (!bytes.includes(0x0a)) return Buffer.concat([Buffer.from(`${name}=`), bytes, Buffer.from('\n')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}

export const journald = async ({ container, tag, attributes }: RemoteSettings, outlet: OutletSettings, path = socketPath): ReturnType<Driver> => {
  const extra = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [fieldName(name), value]));
  const always = Object.entries({
    CONTAINER_ID: container.id.slice(0, 12),
    CONTAINER_ID_FULL: container.id,
    CONTAINER_NAME: container.name,
    CONTAINER_TAG: tag,
    IMAGE_NAME: container.imageName,
    SYSLOG_IDENTIFIER: tag,
    ...extra,
  }).map(([name, value]) => field(name, value));
  const partOf = ({ part }: Line): Buffer[] => {
    if (!part) return [];
    const { id, ordinal, last } = part;
    const fields = { CONTAINER_PARTIAL_ID: id, CONTAINER_PARTIAL_ORDINAL: `${ordinal}`, CONTAINER_PARTIAL_LAST: `${last}` };
    return [...Object.entries(last ? fields : { CONTAINER_PARTIAL_MESSAGE: 'true', ...fields })].map(([name, value]) => field(name, value));
  };
  const encode = (line: Line): Buffer =>
    Buffer.concat([
      field('PRIORITY', `${severity[line.source]}`),
      field('SYSLOG_TIMESTAMP', `${new Date(line.seconds * 1000).toISOString().slice(0, 19)}.${String(line.nanos).padStart(9, '0')}Z`),
      ...always,
      ...partOf(line),
      field('MESSAGE', line.bytes.subarray(line.start, line.end)),
    ]);
  return { encode, outlet: unixDatagramOutlet(path, outlet) };
};
