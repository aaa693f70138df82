import { type Instant, microsOf } from '../../foundation/clock.ts';
import type { Policy, RosterGroup } from './roster.ts';

type Relaxing = Pick<RosterGroup, 'policy' | 'relaxedMicros'>;

/** The highest level that a policy requires: as many levels can be taken off; 0 where no skill is required. */
export const highestLevel = (policy: Policy): number => Math.max(0, ...Object.values(policy.requiredSkills));

/** Whether tickets of a group relax at all. */
export const relaxes = (policy: Policy): boolean => policy.skillRelaxationSeconds !== null && highestLevel(policy) > 0;

/**
 * The instant up to which waiting counts, in microseconds since 1970: now, or what was put into effect already, should the
 * database's clock have been set back since.
 */
export const relaxationInstant = (group: Relaxing, nowMicros: number): number => Math.max(nowMicros, group.relaxedMicros);

/**
 * Levels taken off each required skill for a ticket that has waited since `waitStart`: one for each full span. 0 for
 * one that does not wait.
 */
export function relaxedLevels(group: Relaxing, waitStart: Instant | null, nowMicros: number): number {
  const { policy } = group;
  if (policy.skillRelaxationSeconds === null || waitStart === null) return 0;
  const waitedMicros = relaxationInstant(group, nowMicros) - microsOf(waitStart);
  const spanMicros = policy.skillRelaxationSeconds * 1_000_000;
  return Math.max(0, Math.min(highestLevel(policy), (waitedMicros - (waitedMicros % spanMicros)) / spanMicros));
}

/** When a ticket that waits reaches its next level, in microseconds since 1970; undefined when there is none left to reach. */
export function nextRelaxationMicros(group: Relaxing, waitStart: Instant | null, nowMicros: number): number | undefined {
  const { policy } = group;
  if (policy.skillRelaxationSeconds === null || waitStart === null) return undefined;
  const level = relaxedLevels(group, waitStart, nowMicros) + 1;
  return level > highestLevel(policy) ? undefined : microsOf(waitStart) + level * policy.skillRelaxationSeconds * 1_000_000;
}
