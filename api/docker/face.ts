// face.ts: what the Docker API tells of the daemon beside its engine
import type { Engine } from '../../actors/engine.ts';

/** All that answers take from the daemon's options; made once by the start-up. */
export interface Face {
  readonly engine: Engine;
  /** `0.1.0`. */
  readonly version: string;
  readonly commit: string;
  /** RFC 3339. */
  readonly builtAt: string;
  readonly dataRoot: string;
  readonly labels: readonly string[];
  readonly debug: boolean;
  readonly liveRestore: boolean;
  readonly defaultRuntime: string;
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
  /** Says what went wrong within the daemon, for its own log. */
  report(sentence: string): void;
}
