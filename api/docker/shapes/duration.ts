// duration.ts: how long, in words, as Docker's clients are used to read it (go-units: HumanDuration)

const minute = 60;
const hour = 60 * minute;
const hoursOf = { twoDays: 48, twoWeeks: 24 * 14, twoMonths: 24 * 60, twoYears: 24 * 365 * 2 };

export function humanDuration(seconds: number): string {
  const whole = Math.trunc(seconds);
  if (whole < 1) return 'Less than a second';
  if (whole === 1) return '1 second';
  if (whole < minute) return `${whole} seconds`;
  const minutes = Math.trunc(seconds / minute);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(seconds / hour + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < hoursOf.twoDays) return `${hours} hours`;
  if (hours < hoursOf.twoWeeks) return `${Math.trunc(hours / 24)} days`;
  if (hours < hoursOf.twoMonths) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < hoursOf.twoYears) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(seconds / hour / 24 / 365)} years`;
}
