// frame.ts: Docker's frames around output that has no terminal (Engine API: ContainerAttach)

const numbers = { stdin: 0, stdout: 1, stderr: 2, system: 3 } as const;
export type Source = keyof typeof numbers;
export const headLength = 8;

/** Writes the head in front of `length` bytes of a piece. */
export function writeHead(target: Buffer, at: number, source: Source, length: number): void {
  target.writeUInt32BE(numbers[source] << 24, at);
  target.writeUInt32BE(length, at + 4);
}

export function framed(source: Source, piece: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(headLength + piece.length);
  writeHead(whole, 0, source, piece.length);
  whole.set(piece, headLength);
  return whole;
}

export const rawType = 'application/vnd.docker.raw-stream';
export const framedType = 'application/vnd.docker.multiplexed-stream';

/** Since 1.42 the type says whether output is framed. */
export const typeOf = (tty: boolean, version: number): string => (!tty && version >= 42 ? framedType : rawType);
