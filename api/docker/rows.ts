// rows.ts: all rows of the Docker API, one table for each resource
import { rows as events } from './events.ts';
import type { Row } from './route.ts';
import { rows as system } from './system.ts';
import { rows as unsupported } from './unsupported.ts';

export const rows: readonly Row[] = [...system, ...events, ...unsupported];
