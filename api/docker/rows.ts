// rows.ts: all rows of the Docker API, one table for each resource
import { rows as attach } from './attach.ts';
import { rows as creation } from './container-create.ts';
import { rows as containers } from './containers.ts';
import { rows as events } from './events.ts';
import { rows as exec } from './exec.ts';
import { rows as images } from './images.ts';
import { rows as logs } from './logs.ts';
import type { Row } from './route.ts';
import { rows as system } from './system.ts';
import { rows as unsupported } from './unsupported.ts';

export const rows: readonly Row[] = [...system, ...containers, ...creation, ...attach, ...logs, ...exec, ...images, ...events, ...unsupported];
