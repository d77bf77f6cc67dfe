// rows.ts: all rows of the Docker API, one table for each resource
import { rows as attach } from './attach.ts';
import { rows as commit } from './commit.ts';
import { rows as creation } from './container-create.ts';
import { rows as figures } from './container-figures.ts';
import { rows as containers } from './containers.ts';
import { rows as diskUsage } from './disk-usage.ts';
import { rows as events } from './events.ts';
import { rows as exec } from './exec.ts';
import { rows as facts } from './facts.ts';
import { rows as images } from './images.ts';
import { rows as logs } from './logs.ts';
import { rows as networks } from './networks.ts';
import type { Row } from './route.ts';
import { rows as system } from './system.ts';
import { rows as unsupported } from './unsupported.ts';
import { rows as volumes } from './volumes.ts';

export const rows: readonly Row[] = [...system, ...diskUsage, ...containers, ...creation, ...figures, ...commit, ...attach, ...logs, ...exec, ...images, ...networks, ...volumes, ...events, ...facts, ...unsupported];
