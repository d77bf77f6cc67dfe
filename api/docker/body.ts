// body.ts: a request's body as JSON. moby: httputils.ReadJSON
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Refused } from '../../actors/refused.ts';

/** Of a body in JSON; layers and archives are streamed and have no limit. */
const longestBytes = 16 * 1024 * 1024;

async function wholeText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longestBytes) throw new Refused('invalid', `request body too large: at most ${longestBytes} bytes of JSON are read`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function checkType(type: string | undefined): void {
  const [mime = ''] = (type ?? '').split(';');
  if (mime.trim() === '') throw new Refused('invalid', 'malformed Content-Type header (): mime: no media type');
  if (mime.trim().toLowerCase() !== 'application/json') {
    throw new Refused('invalid', `unsupported Content-Type header (${type}): must be 'application/json'`);
  }
}

/** The body's value, null when there is no body. Docker refuses a body that does not call itself JSON. */
export async function readJson(headers: IncomingHttpHeaders, body: Readable): Promise<unknown> {
  const empty = headers['content-length'] === '0' || (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined);
  if (headers['content-type'] !== undefined || !empty) checkType(headers['content-type']);
  if (empty) return null;
  const written = await wholeText(body);
  if (written.trim() === '') throw new Refused('invalid', 'invalid JSON: got EOF while reading request body');
  try {
    return JSON.parse(written);
  } catch (error) {
    throw new Refused('invalid', `invalid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
