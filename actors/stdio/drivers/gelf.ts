// gelf.ts: lines to Graylog and what speaks its format: JSON by UDP, compressed and in chunks, or by TCP with a zero after each
import { randomBytes } from 'node:crypto';
import { deflateSync, gzipSync } from 'node:zlib';
import type { Line } from '../line-cutter.ts';
import { gelfAddress } from '../log-addresses.ts';
import { datagramOutlet } from './datagram.ts';
import { dialPlain, streamOutlet } from './outlet.ts';
import type { Driver } from './remote.ts';

const level = { stdout: 6, stderr: 3 } as const;
/** Of a datagram, with and without the 12 bytes before each chunk; and how many chunks a message may have. */
const datagramBytes = 1420;
const chunkBytes = datagramBytes - 12;
const mostChunks = 128;

function chunks(message: Buffer): Buffer[] {
  if (message.length <= datagramBytes) return [message];
  const count = Math.ceil(message.length / chunkBytes);
  if (count > mostChunks) return [];
  const id = randomBytes(8);
  return Array.from({ length: count }, (_, index) =>
    Buffer.concat([Buffer.from([0x1e, 0x0f]), id, Buffer.from([index, count]), message.subarray(index * chunkBytes, (index + 1) * chunkBytes)]),
  );
}

export const gelf: Driver = async ({ container, tag, options, attributes }, settings) => {
  const address = gelfAddress(options) ?? { scheme: 'udp', host: '127.0.0.1', port: 12201, path: '' };
  const effort = { level: Number(options['gelf-compression-level'] ?? '1') };
  const packers: Readonly<Record<string, (json: Buffer) => Buffer>> = {
    gzip: (json) => gzipSync(json, effort),
    zlib: (json) => deflateSync(json, effort),
    none: (json) => json,
  };
  const pack = packers[options['gelf-compression-type'] ?? 'gzip']!;
  const extra = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name.startsWith('_') ? name : `_${name}`, value]));
  const always = {
    _command: container.command,
    _container_id: container.id,
    _container_name: container.name,
    _image_id: container.imageId,
    _image_name: container.imageName,
    _tag: tag,
    ...extra,
  };
  const json = (line: Line): Buffer =>
    Buffer.from(
      JSON.stringify({
        version: '1.1',
        host: container.hostname,
        short_message: line.bytes.toString('utf8', line.start, line.end),
        timestamp: line.seconds + Math.floor(line.nanos / 1_000_000) / 1000,
        level: level[line.source],
        ...always,
      }),
    );
  if (address.scheme === 'udp') return { encode: (line) => pack(json(line)), outlet: datagramOutlet(address, chunks) };
  const zero = Buffer.from([0]);
  return { encode: (line) => Buffer.concat([json(line), zero]), outlet: await streamOutlet(dialPlain(address), true, settings) };
};
