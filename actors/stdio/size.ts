// size.ts: numbers as Docker's log options write them (docker/go-units; Go's strconv), with their complaints

const scales = ['', 'k', 'm', 'g', 't', 'p'];

/** `10m`: base 1000 for files, 1024 for memory. Throws. */
export function size(text: string, base: 1000 | 1024): number {
  const found = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text);
  if (!found) throw new Error(`invalid size: '${text}'`);
  return Math.floor(Number(found[1]) * base ** scales.indexOf(found[2]!.toLowerCase()));
}

export function integer(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

const yes = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const no = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

export function truth(text: string): boolean {
  if (yes.has(text)) return true;
  if (no.has(text)) return false;
  throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** `1m30s`, `500ms`: milliseconds. */
export function duration(text: string): number {
  const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$|^0$/.test(text)) throw new Error(`time: invalid duration ${JSON.stringify(text)}`);
  return [...text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)].reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0);
}
