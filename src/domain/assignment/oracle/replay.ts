import { microsOf } from '../../../foundation/clock.ts';
import { applyChange, settleHandicaps } from './eligibility.ts';
import { Fairness } from './fairness.ts';
import type { DecisionEvent, HistoryEvent, ReleaseEvent, Report, RoundRow } from './history.ts';
import { compareRound, excludedByCaller } from './rounds.ts';
import { decide, isAutomatic, isOpenGroup, levelsTakenOff, obstacleTo, type Question, roomOf } from './rules.ts';
import { WaitingInVain } from './waiting-in-vain.ts';
import { turnDay, World, type WorldAgent, type WorldGroup } from './world.ts';

/** Deals that can be under way at once: in different pools, or as operations, chunk by chunk. */
const DEALS_REMEMBERED = 1024;

/**
 * Plays a whole history again, event by event in the order of its sequence, ignoring pools: every decision
 * must be the one that the rules give at that instant. Memory grows with agents and groups, not with events.
 * What is wrong goes to `report`; the replay then goes on from what really happened.
 */
export class Replay {
  readonly world = new World();
  readonly waiting: WaitingInVain;
  decisions = 0;
  releases = 0;
  changes = 0;
  /** Decisions whose group had no day on record yet, so that their own day was taken. */
  daysTakenFromDecisions = 0;
  readonly #report: Report;
  readonly #fairness: Fairness;
  readonly #deals = new Map<number, Map<string, number>>();
  #last = 0;

  constructor(report: Report) {
    this.#report = report;
    this.#fairness = new Fairness(report);
    this.waiting = new WaitingInVain(this.world, report);
  }

  /** Days of groups that the bound on fairness spoke of. */
  get fairGroupDays(): number {
    return this.#fairness.groupDays;
  }

  /** The next event; sequences must rise. Whatever waited before its commit must have been heard of. */
  feed(event: HistoryEvent): void {
    if (event.sequence <= this.#last) this.#report('I4', `the number ${event.sequence} of the sequence is used twice`);
    this.#last = event.sequence;
    if (event.commit) this.waiting.before(groupsTouched(event, this.world), event.commit);
    if (event.type === 'DECISION') this.#decide(event);
    else if (event.type === 'RELEASE') this.#release(event);
    else {
      this.changes += 1;
      // A new day is no disturbance: fairness is a matter of one day.
      const touched = [...applyChange(this.world, event, this.#report)];
      for (const group of touched) endRound(group);
      if (event.type !== 'DAY') this.#fairness.disturb(touched);
    }
  }

  /** After the last event: reports what should still have come. */
  end(): void {
    for (const group of this.world.groups.values()) settleHandicaps(group, this.#last + 1, this.#report);
    this.waiting.end();
  }

  #decide(decision: DecisionEvent): void {
    this.decisions += 1;
    const group = this.world.group(decision.groupId);
    const agent = this.world.agent(decision.agentId);
    settleHandicaps(group, decision.sequence, this.#report);
    if (group.day === undefined) this.daysTakenFromDecisions += 1;
    else if (group.day !== decision.businessDay)
      this.#report('I8', `${nameOf(decision)} counts on ${decision.businessDay}, but the business day of its group is ${group.day}`);
    const day = group.day ?? decision.businessDay;
    this.#fairness.before(group, day);
    if (decision.kind === 'MANUAL') this.#checkManual(decision, group, agent);
    else this.#checkChoice(decision, group, agent, day);
    turnDay(agent, decision.businessDay);
    agent.assignedToday += 1;
    agent.totalAssigned += 1;
    agent.openTickets += 1;
    agent.lastSequence = decision.sequence;
    agent.lastAssignTime = decision.time;
    // His standing in other groups changed; by hand, in this one too.
    for (const other of agent.groups) if (other !== group || decision.kind === 'MANUAL') endRound(other);
    this.#fairness.after(decision, group);
  }

  /** A person may name any active, undeleted member. */
  #checkManual(decision: DecisionEvent, group: WorldGroup, agent: WorldAgent): void {
    const obstacle = obstacleTo(agent, group, 0);
    if (obstacle === 'NOT_MEMBER' || obstacle === 'DELETED' || obstacle === 'INACTIVE') {
      this.#report('I4', `${nameOf(decision)} was given by hand to ${agent.agentId}, who was ${obstacle}`);
    }
    if (decision.roundId !== null || decision.position !== null || decision.tieBreak !== 'NONE') {
      this.#report('I4', `${nameOf(decision)} was given by hand, yet it names round ${decision.roundId}, tie break ${decision.tieBreak}`);
    }
  }

  #checkChoice(decision: DecisionEvent, group: WorldGroup, agent: WorldAgent, day: string): void {
    const { round } = decision;
    if (!round || decision.position === null) {
      this.#report('I4', `${nameOf(decision)} has no round ${decision.roundId ?? ''}`.trimEnd());
      return;
    }
    const relaxed = relaxedBy(decision, group);
    if (relaxed !== round.relaxedLevels)
      this.#report('I4', `${nameOf(decision)} had relaxed by ${relaxed} levels, its round ${round.roundId} says ${round.relaxedLevels}`);
    const obstacle = obstacleTo(agent, group, relaxed);
    if (obstacle) this.#report('I9', `${nameOf(decision)} went to ${agent.agentId}, who was ${obstacle}`);
    const received = this.#receivedIn(round);
    const forbidden = whyForbidden(decision, round, group);
    if (forbidden) this.#report('I4', `${nameOf(decision)}: ${forbidden}`);
    const verdict = decide(group, { ...questionOf(decision, round, group, day, received), relaxed });
    if (verdict?.agent !== agent) {
      this.#report(
        'I4',
        `${nameOf(decision)} went to ${agent.agentId}; the rules give ${verdict ? `${verdict.agent.agentId} (${verdict.tieBreak})` : 'nobody'}`,
      );
    } else if (verdict.tieBreak !== decision.tieBreak) {
      this.#report('I4', `${nameOf(decision)} is explained by ${decision.tieBreak}; what decided was ${verdict.tieBreak}`);
    } else if (!isAutomatic(group) && round.rule === 'POLICY' && verdict.tieBreak !== 'PREVIOUS_AGENT') {
      this.#report('I4', `${nameOf(decision)} was given out by the engine in a group that assigns by hand`);
    }
    const difference = compareRound(decision, round, group, received);
    if (difference) this.#report('I4', `round ${round.roundId} of ${nameOf(decision)}: ${difference}`);
    received?.set(agent.agentId, (received.get(agent.agentId) ?? 0) + 1);
  }

  #receivedIn(round: RoundRow): Map<string, number> | undefined {
    if (round.rule !== 'DEAL' || round.dealId === null) return undefined;
    const received = this.#deals.get(round.dealId) ?? new Map<string, number>();
    // The one that was heard of last goes last.
    this.#deals.delete(round.dealId);
    this.#deals.set(round.dealId, received);
    const [oldest] = this.#deals.keys();
    if (this.#deals.size > DEALS_REMEMBERED && oldest !== undefined) this.#deals.delete(oldest);
    return received;
  }

  #release(release: ReleaseEvent): void {
    this.releases += 1;
    const agent = this.world.agent(release.agentId);
    const [own] = agent.groups;
    if (own?.day !== undefined && own.day !== release.businessDay) {
      this.#report(
        'I8',
        `release ${release.sequence} of ticket ${release.ticketId} counts on ${release.businessDay}, but the business day of its agent is ${own.day}`,
      );
    }
    turnDay(agent, release.businessDay);
    for (const group of agent.groups) if (roomOf(agent, group) !== null || group.state?.strategy === 'FEWEST_OPEN') endRound(group);
    agent.openTickets -= 1;
    if (agent.openTickets < 0) this.#report('I3', `release ${release.sequence} takes ticket ${release.ticketId} from ${agent.agentId}, who has none`);
    if (!release.resolved) return;
    agent.resolvedToday += 1;
    agent.totalResolved += 1;
  }
}

/** Something besides its own wins touched a group's candidates: by the record of its round alone, the next choice could not be made again. */
function endRound(group: WorldGroup): void {
  group.round = undefined;
}

/** Groups in which an event may make somebody eligible, or no longer. */
function groupsTouched(event: HistoryEvent, world: World): Iterable<WorldGroup> {
  switch (event.type) {
    case 'GROUP':
    case 'MEMBERSHIP':
    case 'RELAXATION':
      return [world.group(event.groupId)];
    case 'AGENT':
    case 'RELEASE':
    case 'DECISION':
      return world.agent(event.agentId).groups;
    case 'HANDICAP':
    case 'DAY':
      return [];
  }
}

const nameOf = (decision: DecisionEvent): string =>
  `decision ${decision.sequence} (${decision.kind} of ticket ${decision.ticketId} in group ${decision.groupId})`;

/** Why the engine had no business giving out this ticket at all. */
function whyForbidden(decision: DecisionEvent, round: RoundRow, group: WorldGroup): string | undefined {
  if (!isOpenGroup(group)) return 'its group was not active';
  if (round.rule === 'DEAL') return decision.kind === 'REASSIGN' ? undefined : `a ${decision.kind} is no part of a deal`;
  if (isAutomatic(group)) return undefined;
  // By hand, only the return of a reopened ticket to the agent who had it is automatic.
  return decision.kind === 'REOPEN' && group.state?.prefer_previous_agent ? undefined : 'its group assigns by hand';
}

const NOBODY: ReadonlySet<string> = new Set();

/** Levels that the ticket had come to by waiting; what began to wait in the same step has not waited. */
function relaxedBy({ time, waitStart }: DecisionEvent, group: WorldGroup): number {
  const since = waitStart === null || waitStart === time ? null : microsOf(waitStart);
  return levelsTakenOff(group, since, Math.max(microsOf(time), group.relaxedMicros));
}

function questionOf(
  decision: DecisionEvent,
  round: RoundRow,
  group: WorldGroup,
  day: string,
  received: Map<string, number> | undefined,
): Omit<Question, 'relaxed'> {
  const { kind, previousAgentId } = decision;
  const nowMicros = microsOf(decision.time);
  const preferred = kind === 'REOPEN' && group.state?.prefer_previous_agent ? previousAgentId : null;
  if (round.rule === 'POLICY' && (kind !== 'REASSIGN' || previousAgentId === null)) return { day, nowMicros, preferred, excluded: NOBODY, received };
  const excluded = round.rule === 'DEAL' ? excludedByCaller(round) : new Set<string>();
  if (kind === 'REASSIGN' && previousAgentId !== null) excluded.add(previousAgentId);
  return { day, nowMicros, preferred, excluded, received };
}
