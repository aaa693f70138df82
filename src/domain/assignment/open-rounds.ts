import type { RosterGroup } from './roster.ts';
import type { Round } from './round.ts';

/** Rounds under way, by group. */
export interface OpenRounds {
  get(group: RosterGroup): Round | undefined;
  set(group: RosterGroup, round: Round): unknown;
  delete(group: RosterGroup): unknown;
}

/** The run of placements that the next one of a group continues, if nothing came between; it lasts as long as the roster is remembered. */
export const openRounds: OpenRounds = new WeakMap<RosterGroup, Round>();
