import type { DecisionKind, TieBreak } from '../assignment/index.ts';
import type { SimulatedAgent, SimulatedGroup } from './roster.ts';

/** Hears what happens in a world. */
export interface Watcher {
  /** A ticket was given to an agent; it lies on his desk already. */
  given(ticket: number, agent: SimulatedAgent, group: SimulatedGroup, kind: DecisionKind, tieBreak: TieBreak): void;
  /** A ticket left its agent's desk; `ended` when it is pending no more. */
  taken(ticket: number, agent: SimulatedAgent, group: SimulatedGroup, ended: boolean): void;
}
