// duration.ts: spans of time as Go and Docker write them

const second = 1_000_000_000n;
const units: Readonly<Record<string, bigint>> = {
  ns: 1n, us: 1000n, µs: 1000n, μs: 1000n, ms: 1_000_000n, s: second, m: 60n * second, h: 3600n * second,
};

/** Nanoseconds of `1h30m`, `1.5s`; null when it is no duration. */
export function duration(text: string): bigint | null {
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$/.test(text)) return null;
  let sum = 0n;
  for (const [, number = '', unit = ''] of text.matchAll(/([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const [whole = '', fraction = ''] = number.split('.');
    sum += BigInt(whole || 0) * units[unit]!;
    if (fraction !== '') sum += (BigInt(fraction) * units[unit]!) / 10n ** BigInt(fraction.length);
  }
  return text.startsWith('-') ? -sum : sum;
}
