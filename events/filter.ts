// filter.ts: which notices a reader of `docker events` asked for
import type { Notice } from './notice.ts';

/** Values by filter; all filters must hold, and one value of each is enough. */
export type NoticeFilters = ReadonlyMap<string, readonly string[]>;

type Rule = (values: readonly string[], notice: Notice) => boolean;

const exactly = (values: readonly string[], word: string): boolean => values.includes(word);
const beginning = (values: readonly string[], word: string): boolean => values.some((value) => word.startsWith(value));

/** moby: an id or a name that begins with the value; of every type, not only the one that the filter is called after. */
const named: Rule = (values, { id, attributes }) => beginning(values, id) || beginning(values, attributes.name ?? '');

const open = new Set(['health_status', 'exec_create', 'exec_start']);
const ofAction: Rule = (values, { action }) => (values.some((value) => open.has(value)) ? beginning(values, action) : exactly(values, action));

/** Also of containers that were made of the image; with or without its tag. */
const ofImage: Rule = (values, { type, id, attributes }) => {
  const name = attributes[type === 'image' ? 'name' : 'image'] ?? '';
  return [id, name, withoutTag(id), withoutTag(name)].some((word) => exactly(values, word));
};

/** `busybox` of `docker.io/library/busybox:latest`; an id stays as it is. */
function withoutTag(image: string): string {
  if (/^(sha256:)?[0-9a-f]{64}$/.test(image)) return image;
  const repository = image.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
  return repository.replace(/^(index\.)?docker\.io\//, '').replace(/^library\/(?=[^/]+$)/, '');
}

const ofLabels: Rule = (values, { attributes }) =>
  values.every((label) => {
    const at = label.indexOf('=');
    return at === -1 ? label in attributes : attributes[label.slice(0, at)] === label.slice(at + 1);
  });

/** moby: daemon/events/filter.go. A filter of another name is passed over. */
const rules: Readonly<Record<string, Rule>> = {
  type: (values, { type }) => exactly(values, type),
  event: ofAction,
  scope: (values) => exactly(values, 'local'),
  image: ofImage,
  label: ofLabels,
  container: named, daemon: named, network: named, plugin: named, volume: named, node: named, service: named, secret: named, config: named,
};

export function noticeFilter(filters: NoticeFilters): (notice: Notice) => boolean {
  const asked = [...filters].flatMap(([name, values]) => (name in rules && values.length > 0 ? [{ rule: rules[name]!, values }] : []));
  return (notice) => asked.every(({ rule, values }) => rule(values, notice));
}
