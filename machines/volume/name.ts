// name.ts: what a volume may be called (moby: volume/local/local.go)

const shape = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** A sentence about what is wrong with a name, null when it is good. */
export function complaintAboutVolumeName(name: string): string | null {
  if (name.length === 1) return 'volume name is too short, names should be at least two alphanumeric characters';
  if (shape.test(name)) return null;
  return `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`;
}
