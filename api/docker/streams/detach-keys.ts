// detach-keys.ts: the keys that a person at a terminal presses to leave a container running
import { Transform } from 'node:stream';
import { Refused } from '../../../actors/refused.ts';

/** ctrl-p, ctrl-q */
const usual = Buffer.from([16, 17]);
const controls = '@abcdefghijklmnopqrstuvwxyz[\\]^_';

/** `ctrl-p,ctrl-q`, `a,b`; empty: the usual ones. moby: github.com/moby/term ToBytes */
export function detachKeys(text: string, sentence = 'Invalid detach keys'): Buffer {
  if (text === '') return usual;
  const codes = text.split(',').map((key) => {
    if (key.length === 1) return key.charCodeAt(0);
    const control = /^ctrl-(.)$/.exec(key)?.[1] ?? '';
    return control === '' ? -1 : controls.indexOf(control.toLowerCase());
  });
  if (codes.some((code) => code < 0 || code > 255)) throw new Refused('invalid', `${sentence} (${text}) provided`);
  return Buffer.from(codes);
}

/** Passes on what is typed, and withholds what may become the keys; once they are typed it calls `left` and passes nothing more. */
export function watchKeys(keys: Buffer, left: () => void): Transform {
  let matched = 0;
  let gone = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const passed: number[] = [];
      for (const byte of chunk) {
        if (gone) break;
        if (byte === keys[matched]) {
          matched += 1;
          if (matched < keys.length) continue;
          gone = true;
          left();
          continue;
        }
        passed.push(...keys.subarray(0, matched));
        matched = byte === keys[0] ? 1 : 0;
        if (matched === 0) passed.push(byte);
      }
      done(null, passed.length > 0 ? Buffer.from(passed) : null);
    },
    flush(done) {
      done(null, !gone && matched > 0 ? keys.subarray(0, matched) : null);
    },
  });
}
