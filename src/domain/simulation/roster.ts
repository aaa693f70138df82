import { compareIds, type RosterAgent, type RosterGroup } from '../assignment/index.ts';
import type { Registry } from './registry.ts';
import type { AgentState, GroupState, Moment } from './steps.ts';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** An agent as the engine sees him, whose state a rehearsal changes. */
export interface SimulatedAgent extends Writable<Omit<RosterAgent, 'groups'>> {
  readonly groups: SimulatedGroup[];
  /** His place in lists of numbers. */
  readonly index: number;
  /** When he was present, oldest first; only of the last days. */
  spans: Span[];
  /** Tickets that lie with him. */
  readonly desk: Set<number>;
}

/** A span of presence; `to` is null while it lasts. */
export interface Span {
  readonly from: Moment;
  readonly to: Moment | null;
}

/** Days that spans are kept for: more than any business day reaches back. */
const SPANS_KEPT_MS = 3 * 86_400_000;

/** A group as the engine sees it, whose state a rehearsal changes. */
export interface SimulatedGroup extends Writable<Omit<RosterGroup, 'members'>> {
  readonly members: SimulatedAgent[];
  /** When its business day began. */
  dayStart: Moment;
  /** Its place in lists of numbers. */
  readonly index: number;
}

const NOBODY_YET: AgentState = { active: false, deleted: true, availability: 'OFFLINE', skills: {}, weight: 1, maxOpenTickets: null };

/** How an agent stood when the rehearsal began. */
export interface Standing {
  readonly agentId: string;
  readonly assignedToday: number;
  readonly lastSequence: number;
  readonly spans: readonly Span[];
  /** Handicaps of today, by group. */
  readonly handicaps: Readonly<Record<string, number>>;
}

/** All groups and agents of one world; they are made on first mention, as nobody yet. */
export class SimulatedRoster {
  readonly groups = new Map<string, SimulatedGroup>();
  readonly agents = new Map<string, SimulatedAgent>();
  readonly agentsByIndex: SimulatedAgent[] = [];
  readonly groupsByIndex: SimulatedGroup[] = [];
  readonly #agentNumbers: Registry;
  readonly #groupNumbers: Registry;
  #day = '';
  #dayStart: Moment = -Infinity;

  constructor(agentNumbers: Registry, groupNumbers: Registry) {
    this.#agentNumbers = agentNumbers;
    this.#groupNumbers = groupNumbers;
  }

  agent(agentId: string): SimulatedAgent {
    let agent = this.agents.get(agentId);
    if (!agent) {
      agent = {
        ...NOBODY_YET,
        agentId,
        index: this.#agentNumbers.numberOf(agentId),
        groups: [],
        desk: new Set(),
        assignedToday: 0,
        resolvedToday: 0,
        totalAssigned: 0,
        totalResolved: 0,
        openTickets: 0,
        lastAssignedSequence: 0,
        lastAssignTime: null,
        businessDay: this.#day,
        presence: undefined,
        spans: [],
      };
      this.agents.set(agentId, agent);
      this.agentsByIndex[agent.index] = agent;
    }
    return agent;
  }

  group(groupId: string): SimulatedGroup {
    let group = this.groups.get(groupId);
    if (!group) {
      group = {
        groupId,
        index: this.#groupNumbers.numberOf(groupId),
        key: groupId,
        poolId: '',
        businessDay: this.#day,
        dayStart: this.#dayStart,
        active: false,
        deleted: true,
        policy: {
          strategy: 'MANUAL',
          version: 0,
          catchUpLimit: null,
          maxOpenPerAgent: null,
          requiredSkills: {},
          skillRelaxationSeconds: null,
          preferPreviousAgent: true,
        },
        members: [],
        handicaps: new Map(),
        relaxedMicros: -Infinity,
        lastTicketNumber: 0,
      };
      this.groups.set(groupId, group);
      this.groupsByIndex[group.index] = group;
    }
    return group;
  }

  /** Takes in a state; answers whether he became present by it. A deleted agent is among the members no more. */
  setAgent(agentId: string, state: AgentState, now: Moment): boolean {
    const agent = this.agent(agentId);
    const before = isPresent(agent);
    const { deleted } = agent;
    Object.assign(agent, state);
    if (deleted && !agent.deleted) for (const group of agent.groups) insert(group, agent);
    if (!deleted && agent.deleted) for (const group of agent.groups) remove(group.members, agent);
    this.#notePresence(agent, now);
    return !before && isPresent(agent);
  }

  setGroup(groupId: string, state: GroupState): void {
    Object.assign(this.group(groupId), state);
  }

  setMembership(groupId: string, agentId: string, member: boolean): void {
    const group = this.group(groupId);
    const agent = this.agent(agentId);
    const belongs = agent.groups.includes(group);
    if (member === belongs) return;
    if (member) {
      agent.groups.push(group);
      if (!agent.deleted) insert(group, agent);
      count(agent, group.businessDay);
      this.measurePresence(agent);
    } else {
      remove(agent.groups, group);
      remove(group.members, agent);
      group.handicaps.delete(agentId);
    }
  }

  /** A business day is on in these groups, or in all: with a new one, what was counted today is over. */
  turnDay(day: string, begins: Moment, groupIds?: readonly string[]): void {
    if (!groupIds) {
      this.#day = day;
      this.#dayStart = begins;
    }
    for (const group of groupIds ? groupIds.map((groupId) => this.group(groupId)) : this.groups.values()) {
      group.dayStart = begins;
      if (group.businessDay === day) continue;
      group.businessDay = day;
      group.handicaps.clear();
    }
    const turned = groupIds && new Set(groupIds.map((groupId) => this.group(groupId)));
    // Who is deleted has counts as well: he may come back.
    for (const agent of this.agents.values()) {
      if (turned && !agent.groups.some((group) => turned.has(group))) continue;
      this.measurePresence(agent);
      count(agent, day);
    }
  }

  /** Takes over how an agent stood before. */
  restore(stood: Standing): void {
    const agent = this.agent(stood.agentId);
    agent.assignedToday = stood.assignedToday;
    agent.lastAssignedSequence = stood.lastSequence;
    agent.spans = [...stood.spans];
    this.measurePresence(agent);
    for (const group of agent.groups) group.handicaps.delete(agent.agentId);
    for (const [groupId, handicap] of Object.entries(stood.handicaps)) this.group(groupId).handicaps.set(stood.agentId, handicap);
  }

  /** Works out his time present today from his spans. */
  measurePresence(agent: SimulatedAgent): void {
    const dayStart = agent.groups[0]?.dayStart ?? this.#dayStart;
    let endedMs = 0;
    let since: Moment | null = null;
    for (const { from, to } of agent.spans) {
      const begins = Math.max(from, dayStart);
      if (to === null) since = begins;
      else endedMs += Math.max(0, to - begins);
    }
    agent.presence = { endedMicros: toMicros(endedMs), sinceMicros: since === null ? null : toMicros(since) };
  }

  #notePresence(agent: SimulatedAgent, now: Moment): void {
    const { spans } = agent;
    const last = spans.at(-1);
    const lasts = last?.to === null;
    const present = isPresent(agent);
    if (present !== lasts) {
      if (last && lasts) spans[spans.length - 1] = { from: last.from, to: now };
      else spans.push({ from: now, to: null });
      agent.spans = spans.filter(({ to }) => to === null || to > now - SPANS_KEPT_MS);
    }
    this.measurePresence(agent);
  }
}

/** Counts of another day are over. */
function count(agent: SimulatedAgent, day: string): void {
  if (agent.businessDay === day) return;
  agent.businessDay = day;
  agent.assignedToday = 0;
  agent.resolvedToday = 0;
}

const toMicros = (ms: number): number => Math.round(ms * 1000);

/** There to be given work, whatever his room and skills. */
export const isPresent = (agent: Pick<RosterAgent, 'active' | 'deleted' | 'availability'>): boolean =>
  agent.active && !agent.deleted && agent.availability === 'AVAILABLE';

function insert(group: SimulatedGroup, agent: SimulatedAgent): void {
  const { members } = group;
  let at = members.length;
  while (at > 0 && compareIds((members[at - 1] as SimulatedAgent).agentId, agent.agentId) > 0) at -= 1;
  members.splice(at, 0, agent);
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
