// signals.ts: numbers of signals
import { constants } from 'node:os';
import { WorldFailure } from '../world.ts';

/** As the C library has it; the kernel's 32 and 33 are its own. */
const SIGRTMIN = 34;
const SIGRTMAX = 64;

/** `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`, `SIGRTMAX-1`. */
export function signalNumber(name: string): number {
  const bare = name.toUpperCase().replace(/^SIG/, '');
  const [, base, offset = '0'] = /^(RTMIN|RTMAX)([+-]\d+)?$/.exec(bare) ?? [];
  const number = /^\d+$/.test(bare)
    ? Number(bare)
    : base
      ? (base === 'RTMIN' ? SIGRTMIN : SIGRTMAX) + Number(offset)
      : constants.signals[`SIG${bare}` as keyof typeof constants.signals];
  if (number === undefined || number < 1 || number > SIGRTMAX) throw new WorldFailure('invalid', `Invalid signal: ${name}`);
  return number;
}
