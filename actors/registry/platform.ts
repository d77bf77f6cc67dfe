// platform.ts: which of an index's images suits a machine
import type { Platform } from '../world.ts';

/** Later ones run what was made for earlier ones. */
const armVariants = ['v5', 'v6', 'v7', 'v8'];
const defaultVariants: Readonly<Record<string, string>> = { arm: 'v7', arm64: 'v8' };
const nodeNames: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm: 'arm', arm64: 'arm64', ppc64: 'ppc64le', riscv64: 'riscv64', s390x: 's390x' };

/** This machine's platform, from Node's name of its architecture. */
export const machinePlatform = (architecture: string): Platform => ({ os: 'linux', architecture: nodeNames[architecture] ?? architecture });

export const sayPlatform = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, variant].filter((part) => part !== undefined && part !== '').join('/');

const variantOf = ({ architecture, variant }: Platform): string =>
  variant === undefined || variant === '' ? (defaultVariants[architecture] ?? '') : variant;

const withOlder = (platform: Platform): Platform[] => {
  const newest = armVariants.indexOf(variantOf(platform));
  if (platform.architecture !== 'arm' || newest === -1) return [platform];
  return armVariants.slice(0, newest + 1).reverse().map((variant) => ({ ...platform, variant }));
};

/** What the machine itself can run besides its own kind: 32-bit images, best first. */
const alsoRuns = (platform: Platform): Platform[] => {
  if (platform.architecture === 'amd64') return [{ os: platform.os, architecture: '386' }];
  return platform.architecture === 'arm64' ? withOlder({ os: platform.os, architecture: 'arm', variant: 'v8' }) : [];
};

const same = (one: Platform, other: Platform): boolean =>
  one.os === other.os && one.architecture === other.architecture && variantOf(one) === variantOf(other);

/** The best of the offered platforms. What was asked for by name is never replaced by another architecture. */
export const choosePlatform = <T extends { platform?: Platform }>(offered: readonly T[], wanted: Platform, byName: boolean): T | null => {
  const accepted = [...withOlder(wanted), ...(byName ? [] : alsoRuns(wanted))];
  for (const platform of accepted) {
    const found = offered.find((entry) => entry.platform !== undefined && same(entry.platform, platform));
    if (found !== undefined) return found;
  }
  return null;
};
