// rows.ts: all rows of the Docker API, one table for each resource
import type { Row } from './route.ts';
import { rows as unsupported } from './unsupported.ts';

export const rows: readonly Row[] = [...unsupported];
