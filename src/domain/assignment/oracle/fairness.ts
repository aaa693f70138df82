import type { DecisionEvent, Report } from './history.ts';
import { isPresent } from './rules.ts';
import { assignedOn, handicapOn, type WorldAgent, type WorldGroup } from './world.ts';

interface FairDay {
  readonly day: string;
  readonly candidates: readonly WorldAgent[];
  /** Until something happens of which the bound does not speak. */
  speaks: boolean;
  spoke: boolean;
}

/**
 * The proved bound on fairness: where one group has its agents to itself, the same all day, without caps,
 * skills or handicaps, and everything goes by the default policy, most and fewest assigned today differ by
 * one at the most, after every single decision. Where a disturbance comes during the day, it speaks of the
 * decisions before.
 */
export class Fairness {
  /** Days of groups of which at least one decision was held to the bound. */
  groupDays = 0;
  readonly #days = new Map<WorldGroup, FairDay>();
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  /** Candidates or rule of a group changed. */
  disturb(groups: Iterable<WorldGroup>): void {
    for (const group of groups) {
      const today = this.#days.get(group);
      if (today && today.day === group.day) today.speaks = false;
    }
  }

  /** Before a decision is counted: may begin a day. */
  before(group: WorldGroup, day: string): void {
    if (this.#days.get(group)?.day === day) return;
    const candidates = [...group.members.values()].filter(isPresent);
    this.#days.set(group, { day, candidates, speaks: isPlain(group) && candidates.every((agent) => isOnlyHere(agent, group, day)), spoke: false });
  }

  /** After a decision is counted: holds it to the bound. */
  after(decision: DecisionEvent, group: WorldGroup): void {
    const today = this.#days.get(group);
    if (!today?.speaks) return;
    if (!isByKey(decision)) {
      today.speaks = false;
      return;
    }
    if (!today.spoke) this.groupDays += 1;
    today.spoke = true;
    let fewest = Infinity;
    let most = 0;
    for (const agent of today.candidates) {
      const assigned = assignedOn(agent, today.day);
      fewest = Math.min(fewest, assigned);
      most = Math.max(most, assigned);
    }
    if (most - fewest <= 1) return;
    this.#report(
      'I5',
      `after decision ${decision.sequence} the agents of group ${group.groupId} were assigned between ${fewest} and ${most} tickets on ${today.day}`,
    );
    today.speaks = false;
  }
}

/** Taken by the key alone: nobody was named, preferred or passed over. */
function isByKey(decision: DecisionEvent): boolean {
  const { kind, round, tieBreak } = decision;
  return (kind === 'CREATE' || kind === 'WAITING' || kind === 'REOPEN') && round?.rule === 'POLICY' && tieBreak !== 'PREVIOUS_AGENT';
}

function isPlain(group: WorldGroup): boolean {
  const { state } = group;
  return (
    state !== undefined && state.strategy === 'LEAST_ASSIGNED_TODAY' && state.max_open_per_agent === null && Object.keys(state.required_skills).length === 0
  );
}

function isOnlyHere(agent: WorldAgent, group: WorldGroup, day: string): boolean {
  const free = agent.state?.max_open_tickets === null && handicapOn(group.handicaps.get(agent.agentId), day) === 0;
  return free && agent.groups.size === 1 && assignedOn(agent, day) === 0;
}
