export { Assignments, type Decision, type DecisionKind, type Numbers, type Release } from './assignments.ts';
export { chargeHandicaps, measureHandicaps } from './handicap.ts';
export { loadRoster } from './load-roster.ts';
export type { OpenRounds } from './open-rounds.ts';
export {
  type Commit,
  checkTicket,
  type EligibilityChange,
  type HistoryEvent,
  type Invariant,
  lineOf,
  Replay,
  type RoundRow,
  type TicketEntry,
  type TicketEvent,
  type TicketFacts,
  type WaitingChange,
  type WaitingEntry,
  WaitingOrder,
  type WorldAgent,
} from './oracle/index.ts';
export { type DecisionRecord, findDecision, type RoundView } from './queries.ts';
export { highestLevel, nextRelaxationMicros, relaxationInstant, relaxedLevels, relaxes } from './relaxation.ts';
export type { Policy, Roster, RosterAgent, RosterGroup } from './roster.ts';
export type { Deal } from './round.ts';
export { compareIds, compareWaiting, isAutomatic, type LeftOutReason, roomOf, whyLeftOut } from './rules.ts';
export { STRATEGIES, type StrategyRule, type TieBreak } from './strategies.ts';
export { takeNumbers, writeAssignments, writeTicketNumbers } from './write.ts';
