import type { RosterGroup } from './roster.ts';
import type { Round } from './round.ts';

/** The run of placements that the next one of a group continues, if nothing came between; it lasts as long as the roster is remembered. */
export const openRounds = new WeakMap<RosterGroup, Round>();
