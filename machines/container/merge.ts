// merge.ts: what a request says of a container, over what its image says (moby: daemon/commit.go, merge)
import type { ImageConfig } from '../../events/image.ts';
import type { ContainerConfig, HealthConfig } from '../../events/spec.ts';

type FromImage = NonNullable<ImageConfig['config']>;

const keyOf = (variable: string): string => variable.split('=', 1)[0]!;

function mergedEnvironment(asked: readonly string[], image: readonly string[]): string[] {
  const known = new Set(asked.map(keyOf));
  return [...asked, ...image.filter((variable) => !known.has(keyOf(variable)))];
}

function mergedCheck(asked: HealthConfig | undefined, image: HealthConfig | undefined): HealthConfig | undefined {
  if (!asked || !image) return asked ?? image;
  return {
    Test: asked.Test?.length ? asked.Test : image.Test,
    Interval: asked.Interval || image.Interval,
    Timeout: asked.Timeout || image.Timeout,
    StartPeriod: asked.StartPeriod || image.StartPeriod,
    StartInterval: asked.StartInterval || image.StartInterval,
    Retries: asked.Retries || image.Retries,
  };
}

/** An entry point that was asked for drops the image's command, as it would be nonsense to it. */
function mergedCommand(asked: ContainerConfig, image: FromImage): Pick<ContainerConfig, 'Cmd' | 'Entrypoint'> {
  const { Cmd, Entrypoint } = asked;
  if (Entrypoint?.length) return { Cmd, Entrypoint: Entrypoint.length === 1 && Entrypoint[0] === '' ? null : Entrypoint };
  const command = Cmd?.length ? Cmd : (image.Cmd ?? null);
  return { Cmd: command, Entrypoint: Entrypoint ?? image.Entrypoint ?? null };
}

export function mergedWithImage(asked: ContainerConfig, image: FromImage): ContainerConfig {
  const ports = { ...image.ExposedPorts, ...asked.ExposedPorts };
  const volumes = { ...asked.Volumes, ...image.Volumes };
  return {
    ...asked,
    ...mergedCommand(asked, image),
    User: asked.User || (image.User ?? ''),
    ...(Object.keys(ports).length > 0 ? { ExposedPorts: ports } : {}),
    Env: mergedEnvironment(asked.Env, image.Env ?? []),
    Labels: { ...image.Labels, ...asked.Labels },
    Healthcheck: mergedCheck(asked.Healthcheck, image.Healthcheck),
    WorkingDir: asked.WorkingDir || (image.WorkingDir ?? ''),
    Volumes: Object.keys(volumes).length > 0 ? volumes : asked.Volumes,
    StopSignal: asked.StopSignal || image.StopSignal,
    Shell: asked.Shell ?? image.Shell,
    OnBuild: asked.OnBuild,
  };
}
