// time.ts: nanoseconds since the epoch, and how Docker writes them

const second = 1_000_000_000n;

/** `2026-11-25T10:00:00.123456789Z`: trailing zeros of the fraction are dropped, as Go's RFC3339Nano does. */
export function rfc3339(time: bigint): string {
  const nanos = time % second;
  const whole = new Date(Number(time / 1_000_000n)).toISOString().slice(0, 19);
  if (nanos === 0n) return `${whole}Z`;
  return `${whole}.${nanos.toString().padStart(9, '0').replace(/0+$/, '')}Z`;
}

/** Nanoseconds of an RFC 3339 time; null when it is none. */
export function nanoseconds(text: string): bigint | null {
  const found = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (!found) return null;
  const millis = Date.parse(`${found[1]}${found[3]}`);
  if (Number.isNaN(millis)) return null;
  return BigInt(millis) * 1_000_000n + BigInt((found[2] ?? '').padEnd(9, '0'));
}

/** Go's zero time, which Docker prints for "never". */
export const never = '0001-01-01T00:00:00Z';
