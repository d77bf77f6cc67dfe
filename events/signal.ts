// signal.ts: signals by name and number, Linux

const names = (
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'
).split(' ');
const realTimeMin = 34;
const realTimeMax = 64;

const numbers: ReadonlyMap<string, number> = new Map([
  ...names.map((name, index) => [name, index + 1] as const),
  ['IOT', 6], ['CLD', 17], ['POLL', 29],
  ['RTMIN', realTimeMin], ['RTMAX', realTimeMax],
  ...Array.from({ length: 15 }, (_, index) => [`RTMIN+${index + 1}`, realTimeMin + index + 1] as const),
  ...Array.from({ length: 14 }, (_, index) => [`RTMAX-${index + 1}`, realTimeMax - index - 1] as const),
]);

/** Number of `SIGTERM`, `term` or `15`; null when there is no such signal. */
export function signalNumber(signal: string): number | null {
  if (/^\d+$/.test(signal)) {
    const number = Number(signal);
    return number >= 1 && number <= realTimeMax ? number : null;
  }
  return numbers.get(signal.toUpperCase().replace(/^SIG/, '')) ?? null;
}

/** `15` and `term` are `SIGTERM`; null when there is no such signal. */
export function signalNamed(signal: string): string | null {
  const number = signalNumber(signal);
  if (number === null) return null;
  if (number <= names.length) return `SIG${names[number - 1]}`;
  const name = [...numbers].find(([, value]) => value === number)?.[0];
  return name ? `SIG${name}` : null;
}
