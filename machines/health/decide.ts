// decide.ts: which facts a probe's result leads to
import type { HealthFact } from '../../events/health.ts';
import type { Decision } from '../refusal.ts';
import type { Context, HealthState } from './chart.ts';

export type HealthReport =
  | { name: 'reportBegan' }
  | { name: 'reportHealthy' }
  /** So many probes in a row failed, as many as make it unhealthy. */
  | { name: 'reportUnhealthy'; failingStreak: number }
  | { name: 'reportEnded' };

export interface View {
  readonly state: HealthState;
  readonly context: Context;
}

export function decide({ state }: View, report: HealthReport): Decision<HealthFact> {
  switch (report.name) {
    case 'reportBegan':
      return state === 'none' ? [{ type: 'health.began', data: {} }] : [];
    case 'reportEnded':
      return state === 'none' ? [] : [{ type: 'health.ended', data: {} }];
    case 'reportHealthy':
      return state === 'none' || state === 'healthy' ? [] : [{ type: 'health.changed', data: { status: 'healthy', failingStreak: 0 } }];
    case 'reportUnhealthy':
      return state === 'none' || state === 'unhealthy' ? [] : [{ type: 'health.changed', data: { status: 'unhealthy', failingStreak: report.failingStreak } }];
  }
}
