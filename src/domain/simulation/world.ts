import { type Deal, type DecisionKind, isAutomatic, measureHandicaps, roomOf, type TieBreak, whyLeftOut } from '../assignment/index.ts';
import { type Decided, Engine } from './engine.ts';
import type { SimulatedAgent, SimulatedGroup, SimulatedRoster, Span } from './roster.ts';
import type { AgentState, GroupState, Moment } from './steps.ts';
import type { TicketBook } from './ticket-book.ts';
import { TicketStates } from './ticket-states.ts';
import { comparePlaces, type Place, WaitingLines } from './waiting-line.ts';

/** Tickets that leave a desk in one transaction at most, as when an agent leaves for real. */
const TICKETS_PER_DEAL = 1_000;

/** Deals that can be under way at once, in different pools. */
const DEALS_REMEMBERED = 256;

/** Hears what happens in a world. */
export interface Watcher {
  /** A ticket was given to an agent; it lies on his desk already. */
  given(ticket: number, agent: SimulatedAgent, group: SimulatedGroup, kind: DecisionKind, tieBreak: TieBreak): void;
  /** A ticket left its agent's desk; `ended` when it is pending no more. */
  taken(ticket: number, agent: SimulatedAgent, group: SimulatedGroup, ended: boolean): void;
}

/** How an agent stood when the rehearsal began. */
export interface Standing {
  readonly agentId: string;
  readonly assignedToday: number;
  readonly lastSequence: number;
  readonly spans: readonly Span[];
  /** Handicaps of today, by group. */
  readonly handicaps: Readonly<Record<string, number>>;
}

/** What becomes of a ticket; whoever was named gets it, if he may. */
export interface TicketChange {
  readonly groupId?: string;
  readonly priority?: number;
  readonly agentId?: string;
  /** Its agent gave it back: the policy looks for somebody else. */
  readonly handBack?: true;
}

/**
 * Tickets, agents and groups under one set of policies, in memory. Every choice is made by the engine itself;
 * what is here is the little that surrounds it: lines, desks, and which ticket looks for an agent when.
 */
export class World {
  readonly roster: SimulatedRoster;
  readonly tickets: TicketStates;
  readonly #watchers: readonly Watcher[];
  readonly #lines: WaitingLines;
  readonly #deals = new Map<number, Deal & { readonly givers: Set<string> }>();
  readonly #compare: (a: Place, b: Place) => number;
  readonly #engine: Engine;

  /** Decisions are numbered from above `lastNumber` on. */
  constructor(roster: SimulatedRoster, book: TicketBook, watchers: readonly Watcher[], lastNumber = 0) {
    this.roster = roster;
    this.tickets = new TicketStates(roster);
    this.#watchers = watchers;
    this.#compare = comparePlaces(book);
    this.#lines = new WaitingLines(book);
    this.#engine = new Engine(roster, lastNumber);
  }

  /** The moment of what happens next. */
  set now(moment: Moment) {
    this.#engine.now = moment;
  }

  /** How many tickets wait in a group. */
  waitingIn(group: SimulatedGroup): number {
    return this.#lines.size(group);
  }

  /** A ticket comes; who was named gets it if he may have it, else whom the policy picks. With `waits` it only joins the line. */
  arrive(ticket: number, groupId: string, priority: number, named?: string, waits = false): void {
    this.tickets.note(ticket, groupId, priority);
    if (waits || !(this.#giveTo(named, ticket) || this.#place(ticket, 'CREATE'))) this.#wait(ticket);
  }

  /** A ticket that was there before the rehearsal began: on somebody's desk, waiting, or ended; no decision is made. */
  put(ticket: number, groupId: string, priority: number, agentId: string | undefined, pending: boolean): void {
    const agent = agentId === undefined ? undefined : this.roster.agent(agentId);
    this.tickets.note(ticket, groupId, priority);
    if (!pending) return this.tickets.move(ticket, 'ENDED', agent ?? null);
    if (!agent) return this.#wait(ticket);
    this.tickets.move(ticket, 'ON_DESK', agent);
    agent.desk.add(ticket);
    agent.openTickets += 1;
  }

  /** Takes over how an agent stood before the rehearsal began. */
  restore(stood: Standing): void {
    const agent = this.roster.agent(stood.agentId);
    agent.assignedToday = stood.assignedToday;
    agent.lastAssignedSequence = stood.lastSequence;
    agent.spans = [...stood.spans];
    this.roster.measurePresence(agent);
    for (const [groupId, handicap] of Object.entries(stood.handicaps)) this.roster.group(groupId).handicaps.set(stood.agentId, handicap);
    this.#engine.beginAnew();
  }

  /** A pending ticket ends; `resolved` credits its agent. */
  end(ticket: number, resolved: boolean): void {
    if (!this.tickets.isPending(ticket)) return;
    const agent = this.tickets.deskOf(ticket);
    this.#leaveLine(ticket);
    this.tickets.move(ticket, 'ENDED');
    if (agent) this.#release(ticket, agent, resolved, true);
  }

  /** An ended ticket is pending again. */
  reopen(ticket: number, named?: string, waits = false): void {
    if (this.tickets.where(ticket) !== 'ENDED') return;
    if (waits || !(this.#giveTo(named, ticket) || this.#place(ticket, 'REOPEN', this.tickets.holderOf(ticket)))) this.#wait(ticket);
  }

  /** A ticket changes; one that ended only takes note. */
  change(ticket: number, to: TicketChange): void {
    const { tickets } = this;
    const inLine = tickets.where(ticket) === 'WAITING';
    if (inLine) this.suspend(ticket);
    const before = tickets.groupOf(ticket);
    tickets.note(ticket, to.groupId ?? before.groupId, to.priority ?? tickets.priorityOf(ticket));
    if (!tickets.isPending(ticket)) return;
    const moved = tickets.groupOf(ticket) !== before;
    const agent = tickets.deskOf(ticket);
    if (to.agentId !== undefined && (agent?.agentId === to.agentId || this.#giveTo(to.agentId, ticket))) return;
    if (agent) {
      if (to.handBack || (moved && !tickets.groupOf(ticket).members.includes(agent))) this.#redistribute(ticket, agent);
    } else if (!(moved && this.#place(ticket, 'WAITING')) && inLine) this.#wait(ticket);
  }

  /** A waiting ticket leaves its line, though it is still pending. */
  suspend(ticket: number): void {
    if (this.tickets.where(ticket) !== 'WAITING') return;
    this.#leaveLine(ticket);
    this.tickets.move(ticket, 'SUSPENDED');
  }

  /** A suspended ticket stands in line again; what lies with somebody stays there. */
  rejoin(ticket: number, groupId: string, priority: number): void {
    this.change(ticket, { groupId, priority });
    if (this.tickets.where(ticket) === 'SUSPENDED') this.#wait(ticket);
  }

  /** Deals one ticket of a deal, if it lies where it is thought to. */
  deal(dealId: number, ticket: number, from: string | null, excluded: readonly string[]): void {
    const agent = this.tickets.deskOf(ticket);
    if (!this.tickets.isPending(ticket) || (agent?.agentId ?? null) !== from) return;
    let deal = this.#deals.get(dealId);
    if (!deal) {
      deal = { dealId: this.#engine.nextNumber(), received: new Map(), givers: new Set(), receivers: undefined };
      this.#deals.set(dealId, deal);
      const [oldest] = this.#deals.keys();
      if (this.#deals.size > DEALS_REMEMBERED && oldest !== undefined) this.#deals.delete(oldest);
    }
    for (const agentId of excluded) deal.givers.add(agentId);
    this.#deal(ticket, deal, agent);
  }

  /** Agents lose what lies on their desks (of one group only, if it is named), a thousand tickets at most: dealt out equally, or else waiting. */
  clearDesks(agentIds: readonly string[], groupId?: string): void {
    const group = groupId === undefined ? undefined : this.roster.group(groupId);
    const places = agentIds
      .flatMap((agentId) => [...this.roster.agent(agentId).desk])
      .filter((ticket) => !group || this.tickets.groupOf(ticket) === group)
      .map((ticket) => ({ ticket, priority: this.tickets.priorityOf(ticket) }))
      .sort(this.#compare)
      .slice(0, TICKETS_PER_DEAL);
    const deal: Deal = { dealId: this.#engine.nextNumber(), received: new Map(), givers: new Set(agentIds), receivers: undefined };
    for (const { ticket } of places) {
      const agent = this.tickets.holderOf(ticket) as SimulatedAgent;
      if (!isAutomatic(this.tickets.groupOf(ticket)) || !this.#deal(ticket, deal, agent)) this.#unseat(ticket, agent);
    }
  }

  setAgent(agentId: string, state: AgentState): void {
    const came = this.roster.setAgent(agentId, state, this.#engine.now);
    const agent = this.roster.agent(agentId);
    this.#engine.beginAnew();
    const memberships = agent.groups.map((group) => ({ agentId, groupId: group.groupId }));
    if (came) measureHandicaps(this.roster.groups, memberships);
    for (const group of agent.groups) this.#lines.stir(group);
  }

  setGroup(groupId: string, state: GroupState): void {
    this.roster.setGroup(groupId, state);
    this.#engine.beginAnew();
    this.#lines.stir(this.roster.group(groupId));
  }

  setMembership(groupId: string, agentId: string, member: boolean): void {
    this.roster.setMembership(groupId, agentId, member);
    this.#engine.beginAnew();
    if (member) measureHandicaps(this.roster.groups, [{ agentId, groupId }]);
    this.#lines.stir(this.roster.group(groupId));
  }

  turnDay(day: string, begins: Moment, groupIds?: readonly string[]): void {
    this.roster.turnDay(day, begins, groupIds);
    this.#engine.beginAnew();
  }

  /** Gives out what waits where somebody may have become able to take it, in waiting order over all those groups. */
  handOut(): void {
    this.#lines.offer(isAutomatic, (ticket) => this.#place(ticket, 'WAITING'));
  }

  #wait(ticket: number): void {
    this.#lines.join(this.tickets.groupOf(ticket), ticket, this.tickets.priorityOf(ticket));
    this.tickets.move(ticket, 'WAITING', null);
  }

  #leaveLine(ticket: number): void {
    if (this.tickets.where(ticket) === 'WAITING') this.#lines.leave(this.tickets.groupOf(ticket), ticket);
  }

  /** Gives a ticket to somebody by name, if he is an active member of its group. */
  #giveTo(agentId: string | undefined, ticket: number): boolean {
    const agent = agentId === undefined ? undefined : this.roster.agents.get(agentId);
    const group = this.tickets.groupOf(ticket);
    if (!agent?.active || agent.deleted || !agent.groups.includes(group)) return false;
    const previous = this.tickets.deskOf(ticket);
    if (previous) this.#release(ticket, previous, false, false);
    return this.#seat(ticket, this.#engine.give(group, agent));
  }

  #place(ticket: number, kind: Exclude<DecisionKind, 'MANUAL'>, previous?: SimulatedAgent): boolean {
    const decided = this.#engine.place(this.tickets.groupOf(ticket), kind, previous?.agentId ?? null);
    if (decided && kind === 'REASSIGN' && previous) this.#release(ticket, previous, false, false);
    return this.#seat(ticket, decided);
  }

  #deal(ticket: number, deal: Deal, previous: SimulatedAgent | undefined): boolean {
    const group = this.tickets.groupOf(ticket);
    if (!group.active || group.deleted) return false;
    const decided = this.#engine.deal(group, deal, previous?.agentId ?? null);
    if (decided && previous) this.#release(ticket, previous, false, false);
    return this.#seat(ticket, decided);
  }

  /** Somebody else gets it, or else its agent keeps it as long as he could be given it; else it waits. */
  #redistribute(ticket: number, agent: SimulatedAgent): void {
    if (this.#place(ticket, 'REASSIGN', agent)) return;
    const group = this.tickets.groupOf(ticket);
    if (isAutomatic(group) && group.members.includes(agent)) {
      const reason = whyLeftOut(agent, group);
      // His own ticket does not make him too full for itself.
      if (reason === undefined || (reason === 'FULL' && roomOf(agent, group) >= 0)) return;
    }
    this.#unseat(ticket, agent);
  }

  #unseat(ticket: number, agent: SimulatedAgent): void {
    this.#release(ticket, agent, false, false);
    this.#wait(ticket);
  }

  #seat(ticket: number, decided: Decided | undefined): boolean {
    if (!decided) return false;
    const { agent, kind, tieBreak } = decided;
    this.#leaveLine(ticket);
    this.tickets.move(ticket, 'ON_DESK', agent);
    agent.desk.add(ticket);
    for (const watcher of this.#watchers) watcher.given(ticket, agent, this.tickets.groupOf(ticket), kind, tieBreak);
    return true;
  }

  #release(ticket: number, agent: SimulatedAgent, resolved: boolean, ended: boolean): void {
    const group = this.tickets.groupOf(ticket);
    this.#engine.release(group, agent, resolved);
    agent.desk.delete(ticket);
    for (const freed of agent.groups) if (roomOf(agent, freed) !== Infinity) this.#lines.stir(freed);
    for (const watcher of this.#watchers) watcher.taken(ticket, agent, group, ended);
  }
}
