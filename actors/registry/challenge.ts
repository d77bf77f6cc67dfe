// challenge.ts: the WWW-Authenticate header, RFC 9110 section 11.6.1

export interface Challenge {
  /** In small letters: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const token = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const parameter = /\s*,?\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y;

const take = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at;
  return pattern.exec(text);
};

/** Challenges in the order given; what cannot be read ends the list. */
export const parseChallenges = (header: string): Challenge[] => {
  const challenges: Challenge[] = [];
  let at = 0;
  while (at < header.length) {
    at += /^[\s,]*/.exec(header.slice(at))?.[0].length ?? 0;
    const scheme = take(token, header, at);
    if (scheme === null) break;
    at += scheme[0].length;
    const parameters: Record<string, string> = {};
    for (let match = take(parameter, header, at); match !== null; match = take(parameter, header, at)) {
      parameters[(match[1] ?? '').toLowerCase()] = match[3] ?? (match[2] ?? '').replace(/\\(.)/g, '$1');
      at += match[0].length;
    }
    challenges.push({ scheme: scheme[0].toLowerCase(), parameters });
  }
  return challenges;
};
