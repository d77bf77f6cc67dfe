// random.ts: numbers that a seed determines (mulberry32)
import type { Random } from '../../world.ts';

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const hex = (bytes: number) => {
    let text = '';
    while (text.length < bytes * 2) text += next().toString(16).padStart(8, '0');
    return text.slice(0, bytes * 2);
  };
  return {
    hex,
    uuid: () => `${hex(4)}-${hex(2)}-4${hex(2).slice(1)}-8${hex(2).slice(1)}-${hex(6)}`,
    integer: (below) => Math.floor((next() / 2 ** 32) * below),
  };
}
