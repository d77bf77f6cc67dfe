// versions.ts: the versions of the Engine API that are spoken; all are 1.x, so a version is its minor number

export const lowest = 24;
export const highest = 51;

export const written = (version: number): string => `1.${version}`;

const compare = (text: string, version: number): number => {
  const [major = 0, minor = 0] = text.split('.').map(Number);
  return major === 1 ? minor - version : major - 1;
};

/** The version a path asks for, or the sentence that says why it cannot be had. */
export function versionOf(text: string): number | string {
  if (compare(text, highest) > 0) return `client version ${text} is too new. Maximum supported API version is ${written(highest)}`;
  if (compare(text, lowest) < 0) {
    return `client version ${text} is too old. Minimum supported API version is ${written(lowest)}, please upgrade your client to a newer version`;
  }
  return Number(text.split('.')[1]);
}
