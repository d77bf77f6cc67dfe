// log-tag.ts: the `tag` option: `{{.Name}}/{{.ID}}` (moby: daemon/logger/loggerutils/log_tag.go)

export interface TagFields {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly imageName: string;
  readonly command: string;
  readonly hostname: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const fields: Readonly<Record<string, (of: TagFields) => string>> = {
  ID: ({ id }) => id.slice(0, 12),
  FullID: ({ id }) => id,
  ContainerID: ({ id }) => id,
  Name: ({ name }) => name,
  ContainerName: ({ name }) => `/${name}`,
  // Cut as Docker cuts it, `sha256:` included.
  ImageID: ({ imageId }) => imageId.slice(0, 12),
  ImageFullID: ({ imageId }) => imageId,
  ContainerImageID: ({ imageId }) => imageId,
  ImageName: ({ imageName }) => imageName,
  ContainerImageName: ({ imageName }) => imageName,
  Command: ({ command }) => command,
  Hostname: ({ hostname }) => hostname,
  DaemonName: () => 'tallyd',
};

const functions: Readonly<Record<string, (text: string) => string>> = {
  lower: (text) => text.toLowerCase(),
  upper: (text) => text.toUpperCase(),
  title: (text) => text.replace(/\b\w/g, (letter) => letter.toUpperCase()),
  json: (text) => JSON.stringify(text),
};

/** Throws when it says what is not known here: of Go's templates, fields and functions of one argument are. */
export function logTag(template: string, of: TagFields): string {
  return template.replace(/\{\{(.*?)\}\}/g, (_, inside: string) => {
    const text = evaluate(inside.trim(), of);
    if (text === null) throw new Error(`template: log-tag: cannot evaluate {{${inside}}}`);
    return text;
  });
}

function evaluate(expression: string, of: TagFields): string | null {
  const attribute = /^\(\.ExtraAttributes nil\)\.(\w+)$/.exec(expression);
  if (attribute) return of.attributes[attribute[1]!] ?? '<no value>';
  const found = /^(?:(\w+)\s+)?\.(\w+)$/.exec(expression);
  if (!found) return null;
  const [, name, field = ''] = found;
  const text = fields[field]?.(of) ?? null;
  if (text === null || !name) return text;
  return functions[name]?.(text) ?? null;
}
