// image.ts: the facts of an image; its id is the digest of its config, as Docker's image store has it
import * as v from 'valibot';
import { declare, fact, record, type FactOf } from './fact.ts';

/** The image's config as the OCI image spec defines it, with Docker's additions. */
export interface ImageConfig {
  architecture: string;
  os: string;
  variant?: string;
  created?: string;
  author?: string;
  comment?: string;
  container?: string;
  container_config?: object;
  docker_version?: string;
  config?: {
    User?: string;
    ExposedPorts?: Record<string, object>;
    Env?: string[] | null;
    Entrypoint?: string[] | null;
    Cmd?: string[] | null;
    Volumes?: Record<string, object> | null;
    WorkingDir?: string;
    Labels?: Record<string, string> | null;
    StopSignal?: string;
    Healthcheck?: import('./spec.ts').HealthConfig;
    Shell?: string[];
    OnBuild?: string[] | null;
    ArgsEscaped?: boolean;
  };
  rootfs: { type: 'layers'; diff_ids: string[] };
  history?: { created?: string; created_by?: string; author?: string; comment?: string; empty_layer?: boolean }[];
}

/** What is kept of an image: its blobs are in containerd, held by a record named after the image's id. */
export interface ImageRecord {
  /** `sha256:<hex>` of the config. */
  id: string;
  config: ImageConfig;
  /** Digest of the manifest stored in containerd. */
  manifest: string;
  /** Bytes of all layers, unpacked. */
  size: number;
  /** Bytes of each layer, unpacked, in order. */
  layerSizes: number[];
  /** Chain id of the topmost layer: the snapshot that containers stand on. */
  chainId: string;
  parent?: string;
}

const text = v.string();
export const exampleImage: ImageRecord = {
  id: 'sha256:6d5fcfe5ff17f4d3b5b9c4b5b9b2c7a1e8a1c2d3e4f5a6b7c8d9e0f1a2b3c4d5',
  config: { architecture: 'amd64', os: 'linux', config: { Cmd: ['sh'] }, rootfs: { type: 'layers', diff_ids: ['sha256:01'] } },
  manifest: 'sha256:02', size: 1000, layerSizes: [1000], chainId: 'sha256:01',
};

export const image = declare('image', {
  /** The image's content is complete. It is told to Docker's clients by the fact that follows it: pulled, loaded, ... */
  added: fact(null, v.object({ image: record<ImageRecord>() }), { image: exampleImage }),
  created: fact('create', v.object({ name: text }), { name: 'sha256:6d5f' }),
  pulled: fact('pull', v.object({ name: text, digest: text }), { name: 'busybox:latest', digest: 'sha256:02' }),
  imported: fact('import', v.object({ name: text }), { name: 'sha256:6d5f' }),
  loaded: fact('load', v.object({ name: text }), { name: 'sha256:6d5f' }),
  saved: fact('save', v.object({ name: text }), { name: 'sha256:6d5f' }),
  pushed: fact('push', v.object({ name: text }), { name: 'busybox:latest' }),
  /** `reference` is the full name: `docker.io/library/busybox:latest` or `...@sha256:...`. */
  tagged: fact('tag', v.object({ reference: text, name: text }), { reference: 'docker.io/library/busybox:latest', name: 'busybox:latest' }),
  /** A tag that came with a pull, load or import: Docker prints no notice of its own for it. */
  referenced: fact(null, v.object({ reference: text }), { reference: 'docker.io/library/busybox:latest' }),
  untagged: fact('untag', v.object({ reference: text, name: text }), { reference: 'docker.io/library/busybox:latest', name: 'sha256:6d5f' }),
  /** The tag went to another image: Docker prints no notice. */
  dereferenced: fact(null, v.object({ reference: text }), { reference: 'docker.io/library/busybox:latest' }),
  removed: fact('delete', v.object({ name: text }), { name: 'sha256:6d5f' }),
  swept: fact(null, v.object({}), {}),
});
export type ImageFact = FactOf<typeof image>;
