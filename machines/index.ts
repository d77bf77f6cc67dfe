// index.ts: every kind's chart and decider
import { chart as container } from './container/chart.ts';
import type { ContainerCommand, ContainerReport } from './container/command.ts';
import { decide as decideContainer, type View as ContainerView } from './container/decide.ts';
import { chart as exec } from './exec/chart.ts';
import { decide as decideExec, type ExecCommand, type ExecReport, type View as ExecView } from './exec/decide.ts';
import { chart as health } from './health/chart.ts';
import { decide as decideHealth, type HealthReport, type View as HealthView } from './health/decide.ts';
import { chart as image } from './image/chart.ts';
import { decide as decideImage, type ImageCommand, type ImageReport, type View as ImageView } from './image/decide.ts';
import { chart as network } from './network/chart.ts';
import { decide as decideNetwork, type NetworkCommand, type NetworkReport, type View as NetworkView } from './network/decide.ts';
import { chart as volume } from './volume/chart.ts';
import { decide as decideVolume, type VolumeCommand, type VolumeReport, type View as VolumeView } from './volume/decide.ts';

export const charts = { container, image, network, volume, exec, health };
export type ChartName = keyof typeof charts;

/** What each kind shows of itself: its state and what is known of it. */
export interface Views {
  container: ContainerView;
  image: ImageView;
  network: NetworkView;
  volume: VolumeView;
  exec: ExecView;
  health: HealthView;
}

/** What can be asked of each kind by somebody else. */
export interface Commands {
  container: ContainerCommand;
  image: ImageCommand;
  network: NetworkCommand;
  volume: VolumeCommand;
  exec: ExecCommand;
  health: never;
}

/** What each kind's effects report. */
export interface Reports {
  container: ContainerReport;
  image: ImageReport;
  network: NetworkReport;
  volume: VolumeReport;
  exec: ExecReport;
  health: HealthReport;
}

export const deciders = {
  container: decideContainer,
  image: decideImage,
  network: decideNetwork,
  volume: decideVolume,
  exec: decideExec,
  health: decideHealth,
};
