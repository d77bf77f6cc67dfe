// progress.ts: lines of progress as dockerd writes them; the bar is for clients that print it as it comes
import type { Progress } from '../world.ts';

export type Report = (line: Progress) => void;

const barWidth = 50;
const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
/** A line for each hundredth, but not for fewer bytes than this. */
const leastStepBytes = 512 * 1024;

/** `1.982MB`: four digits, as Go's `%.4g`. */
export const humanSize = (bytes: number): string => {
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${Number(value.toPrecision(4))}${units[unit]}`;
};

const bar = (current: number, total: number): string => {
  if (current <= 0 && total <= 0) return '';
  if (total <= 0) return humanSize(current).padStart(8);
  const filled = Math.min(Math.trunc(Math.trunc((current / total) * 100) / 2), barWidth);
  const counts = current > total ? humanSize(current).padStart(8) : `${humanSize(current).padStart(8)}/${humanSize(total)}`;
  return `[${'='.repeat(filled)}>${' '.repeat(barWidth - filled)}] ${counts}`;
};

/** `012345abcdef` of `sha256:012345abcdef...`. */
export const shortDigest = (digest: string): string => digest.slice(digest.indexOf(':') + 1).slice(0, 12);

/** A state without figures: `Waiting`. */
export const state = (report: Report, id: string, status: string): void => report({ status, progressDetail: {}, id });

/** Figures of something that moves; the answer is called with the bytes so far and skips what nobody would see. */
export const meter = (report: Report, id: string, status: string, total: number): ((current: number) => void) => {
  const step = Math.max(leastStepBytes, total / 100);
  let next = 0;
  return (current) => {
    if (current < next && current !== total) return;
    next = current + step;
    report({ status, progressDetail: { current, total }, progress: bar(current, total), id });
  };
};
