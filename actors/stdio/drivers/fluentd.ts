// fluentd.ts: lines to fluentd or fluent bit, in the forward protocol: [tag, time, record] as MessagePack
import type { Line } from '../line-cutter.ts';
import { fluentdAddress } from '../log-addresses.ts';
import { truth } from '../size.ts';
import { dialPlain, streamOutlet } from './outlet.ts';
import type { Driver } from './remote.ts';

/** MessagePack: a string of any length. */
function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(bytes.length < 32 ? 1 : bytes.length < 2 ** 16 ? 3 : 5);
  if (head.length === 1) head[0] = 0xa0 | bytes.length;
  else if (head.length === 3) {
    head[0] = 0xda;
    head.writeUInt16BE(bytes.length, 1);
  } else {
    head[0] = 0xdb;
    head.writeUInt32BE(bytes.length, 1);
  }
  return Buffer.concat([head, bytes]);
}

/** MessagePack: a map of strings. */
function map(entries: readonly (readonly [string, string | Buffer])[]): Buffer {
  const head = Buffer.from([0xde, 0, 0]);
  head.writeUInt16BE(entries.length, 1);
  return Buffer.concat([head, ...entries.flatMap(([name, value]) => [text(name), text(value)])]);
}

/** Whole seconds as an integer, or fluentd's EventTime: extension 0 of 8 bytes. */
function time({ seconds, nanos }: Line, precise: boolean): Buffer {
  const bytes = Buffer.alloc(precise ? 10 : 9);
  if (precise) {
    bytes[0] = 0xd7;
    bytes.writeUInt32BE(seconds, 2);
    bytes.writeUInt32BE(nanos, 6);
  } else {
    bytes[0] = 0xd3;
    bytes.writeBigInt64BE(BigInt(seconds), 1);
  }
  return bytes;
}

export const fluentd: Driver = async ({ container, tag, options, attributes }, settings) => {
  const precise = truth(options['fluentd-sub-second-precision'] || 'false');
  const later = truth(options['fluentd-async'] || options['fluentd-async-connect'] || 'false');
  const extra = Object.entries(attributes);
  const partOf = ({ part }: Line): [string, string][] =>
    part ? [['partial_message', 'true'], ['partial_id', part.id], ['partial_ordinal', `${part.ordinal}`], ['partial_last', `${part.last}`]] : [];
  const encode = (line: Line): Buffer => {
    const record = map([
      ['container_id', container.id],
      ['container_name', `/${container.name}`],
      ['source', line.source],
      ['log', line.bytes.subarray(line.start, line.end)],
      ...extra,
      ...partOf(line),
    ]);
    // An array of three.
    return Buffer.concat([Buffer.from([0x93]), text(tag), time(line, precise), record]);
  };
  return { encode, outlet: await streamOutlet(dialPlain(fluentdAddress(options)), !later, settings) };
};
