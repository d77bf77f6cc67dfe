// images.ts: the door to images on Linux: content in containerd, and registries
import type { Containerd } from '../containerd/client.ts';
import { isNotFound } from '../containerd/client.ts';
import type { RegistryOptions } from '../registry/endpoint.ts';
import { machinePlatform } from '../registry/platform.ts';
import type { Clock, Images, Random } from '../world.ts';
import { commitContainer, importTar } from './import.ts';
import { loadArchive } from './load.ts';
import { listTags, pullImage } from './pull.ts';
import { pushImage } from './push.ts';
import { saveImages } from './save.ts';
import type { Store } from './store.ts';
import { openGate, takeTurns } from './turns.ts';

/** dockerd's defaults. */
const usual = { downloads: 3, uploads: 5 };

export interface ImagesOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Node's name of it: `x64`. */
  readonly architecture: string;
  readonly registries?: RegistryOptions;
  /** dockerd's `max-concurrent-downloads` and `max-concurrent-uploads`. */
  readonly maxDownloads?: number;
  readonly maxUploads?: number;
}

export const linuxImages = (containerd: Containerd, options: ImagesOptions): Images => {
  const store: Store = {
    containerd,
    clock: options.clock,
    random: options.random,
    registries: options.registries ?? {},
    platform: machinePlatform(options.architecture),
    downloads: openGate(options.maxDownloads ?? usual.downloads),
    uploads: openGate(options.maxUploads ?? usual.uploads),
    turns: takeTurns(),
  };
  return {
    importLayer: (tar, config, comment) => importTar(store, tar, config, comment),
    load: (tar, report) => loadArchive(store, tar, report),
    save: (images) => saveImages(store, images),
    pull: (reference, platform, credentials, report, signal) => pullImage(store, reference, { platform, credentials, report, signal }),
    tags: (repository, credentials) => listTags(store, repository, credentials, new AbortController().signal),
    push: (image, reference, credentials, report, signal) => pushImage(store, reference, { image, credentials, report, signal }),
    commit: (containerId, parent, config) => commitContainer(store, containerId, parent, config),
    async remove({ id }) {
      try {
        await containerd.call('Images.Delete', { name: id, sync: true });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
    async held() {
      const { images } = await containerd.call('Images.List', {});
      return images.map(({ name }) => name).filter((name) => name.startsWith('sha256:'));
    },
  };
};
