// platform.ts: `linux/arm64/v8`, as clients write a platform
import { Refused } from '../../actors/refused.ts';
import type { Platform } from '../../actors/world.ts';

const architectures: Readonly<Record<string, Omit<Platform, 'os'>>> = {
  x86_64: { architecture: 'amd64' }, 'x86-64': { architecture: 'amd64' }, i386: { architecture: '386' }, aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' }, armel: { architecture: 'arm', variant: 'v6' },
};

/** An architecture by itself is one of Linux. containerd: platforms.Parse */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/');
  if (parts.length > 3 || !parts.every((part) => /^[a-z0-9_.-]+$/.test(part))) {
    throw new Refused('invalid', `"${text}" is an invalid component of "${text}": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument`);
  }
  const [os, name, variant] = parts.length === 1 && parts[0] !== 'linux' ? ['linux', parts[0]!] : [parts[0]!, parts[1] ?? 'amd64', parts[2]];
  const known = architectures[name] ?? { architecture: name };
  return { os, ...known, ...(variant ? { variant } : {}) };
}
