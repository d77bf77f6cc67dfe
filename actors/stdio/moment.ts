// moment.ts: the keeper's clock: nanoseconds, which Node's wall clock does not have

/** Whole seconds since the epoch, and the rest. Numbers, because a BigInt for every line would cost more than the line. */
export interface Moment {
  seconds: number;
  nanos: number;
}

const second = 1_000_000_000;
/** How far the wall clock may drift from the steady one before it counts as set anew. */
const toleranceMs = 20;

/** Added to the steady clock it gives the wall clock; found at a tick of the wall clock, which has milliseconds only. */
function anchor(): Moment {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  const steady = process.hrtime();
  const whole = Math.floor(now / 1000);
  return carried({ seconds: whole - steady[0], nanos: (now - whole * 1000) * 1_000_000 - steady[1] });
}

function carried(moment: Moment): Moment {
  const seconds = Math.floor(moment.nanos / second);
  moment.seconds += seconds;
  moment.nanos -= seconds * second;
  return moment;
}

let offset = anchor();

const sum = (): Moment => {
  const steady = process.hrtime();
  return carried({ seconds: offset.seconds + steady[0], nanos: offset.nanos + steady[1] });
};

export function momentNow(): Moment {
  const moment = sum();
  if (Math.abs(Date.now() - moment.seconds * 1000 - moment.nanos / 1_000_000) <= toleranceMs) return moment;
  offset = anchor();
  return sum();
}

/** The next nanosecond: no two lines of one chunk have the same time. */
export function advance(moment: Moment): void {
  moment.nanos += 1;
  if (moment.nanos < second) return;
  moment.nanos = 0;
  moment.seconds += 1;
}
