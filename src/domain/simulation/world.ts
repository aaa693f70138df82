import { type Deal, type DecisionKind, isAutomatic, measureHandicaps, relaxes, roomOf, whyLeftOut } from '../assignment/index.ts';
import { Deals } from './deals.ts';
import { type Decided, Engine, type Sought } from './engine.ts';
import { TICKETS_PER_DEAL } from './limits.ts';
import { Relaxations } from './relaxations.ts';
import { isPresent, type SimulatedAgent, type SimulatedGroup, type SimulatedRoster, type Standing } from './roster.ts';
import type { AgentState, GroupState, Moment } from './steps.ts';
import type { TicketBook } from './ticket-book.ts';
import { type TicketChange, TicketStates } from './ticket-states.ts';
import { comparePlaces, type HandOut, type Place, WaitingLines } from './waiting-line.ts';
import type { Watcher } from './watcher.ts';

/**
 * Tickets, agents and groups under one set of policies, in memory. Every choice is made by the engine itself;
 * what is here is the little that surrounds it: lines, desks, and which ticket looks for an agent when.
 */
export class World {
  readonly roster: SimulatedRoster;
  readonly tickets: TicketStates;
  readonly #watchers: readonly Watcher[];
  readonly #lines: WaitingLines;
  readonly #deals = new Deals();
  readonly #compare: (a: Place, b: Place) => number;
  readonly #engine: Engine;
  readonly #relaxations = new Relaxations();
  readonly #relaxes: boolean;
  #isByTicket = false;
  readonly #handOut: HandOut = {
    isOpen: isAutomatic,
    isByTicket: () => this.#isByTicket,
    relaxes: (group) => relaxes(group.policy),
    levelOf: (group, ticket) => this.#engine.relaxedLevels(group, this.tickets.waitStartOf(ticket)),
    take: (ticket) => this.#place(ticket, 'WAITING'),
  };

  /**
   * Decisions are numbered from above `lastNumber` on. Where `relaxes` is false, waiting is put into effect ticket by ticket, as
   * they are named: from the first group whose skills relax on, all is given out so.
   */
  constructor(roster: SimulatedRoster, book: TicketBook, watchers: readonly Watcher[], options: { readonly lastNumber: number; readonly relaxes: boolean }) {
    this.roster = roster;
    this.tickets = new TicketStates(roster);
    this.#watchers = watchers;
    this.#compare = comparePlaces(book);
    this.#lines = new WaitingLines(book);
    this.#engine = new Engine(roster, options.lastNumber);
    this.#relaxes = options.relaxes;
  }

  /** When the next thing happens. */
  set now(moment: Moment) {
    this.#engine.now = moment;
  }

  /** When a waiting ticket is relaxed further, by the passing of time alone; Infinity when none is. */
  get nextRelaxation(): Moment {
    return this.#relaxations.nextTime;
  }

  /** Offers the tickets that have been relaxed further by now. */
  relax(): void {
    for (const ticket of this.#relaxations.take(this.#engine.now)) {
      if (this.tickets.where(ticket) !== 'WAITING') continue;
      const group = this.tickets.groupOf(ticket);
      this.#lines.stirOne(group, ticket);
      this.#relaxations.add(ticket, this.#engine.nextRelaxation(group, this.tickets.waitStartOf(ticket)));
    }
    this.handOut();
  }

  /** How many tickets wait in a group. */
  waitingIn(group: SimulatedGroup): number {
    return this.#lines.size(group);
  }

  /** A ticket comes; who was named gets it if he may have it, else whom the policy picks. With `waits` it only joins the line. */
  arrive(ticket: number, groupId: string, priority: number, named?: string, waits = false): void {
    this.tickets.note(ticket, groupId, priority);
    if (waits) this.#wait(ticket, false);
    else if (!(this.#giveTo(named, ticket) || this.#place(ticket, 'CREATE'))) this.#wait(ticket);
  }

  /** A ticket that was there before the rehearsal began: on somebody's desk, waiting, or ended; no decision is made. */
  put(
    ticket: number,
    was: { readonly groupId: string; readonly priority: number; readonly agentId: string | null; readonly pending: boolean; readonly waitStart: Moment | null },
  ): void {
    const { groupId, priority, agentId, pending, waitStart } = was;
    const agent = agentId === null ? undefined : this.roster.agent(agentId);
    this.tickets.note(ticket, groupId, priority);
    if (!pending) return this.tickets.move(ticket, 'ENDED', agent ?? null);
    if (!agent) {
      this.tickets.waitFrom(ticket, waitStart ?? this.#engine.now);
      return this.#line(ticket);
    }
    this.tickets.move(ticket, 'ON_DESK', agent);
    agent.desk.add(ticket);
    agent.openTickets += 1;
  }

  /** Takes over how an agent stood before the rehearsal began. */
  restore(stood: Standing): void {
    this.roster.restore(stood);
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
    if (waits) this.#wait(ticket, false);
    else if (!(this.#giveTo(named, ticket) || this.#place(ticket, 'REOPEN', this.tickets.holderOf(ticket)))) this.#wait(ticket);
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
    } else if (!(moved && this.#place(ticket, 'WAITING')) && inLine) this.#line(ticket);
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
    if (this.tickets.where(ticket) !== 'SUSPENDED') return;
    this.#line(ticket);
    if (!this.#isByTicket) this.#lines.stirOne(this.tickets.groupOf(ticket), ticket);
  }

  /** Deals one ticket of a deal, if it lies where it is thought to. */
  deal(dealId: number, ticket: number, from: string | null, excluded: readonly string[]): void {
    const agent = this.tickets.deskOf(ticket);
    if (!this.tickets.isPending(ticket) || (agent?.agentId ?? null) !== from) return;
    const deal = this.#deals.get(dealId, excluded, () => this.#engine.nextNumber());
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
    const agent = this.roster.agent(agentId);
    const { maxOpenTickets, skills } = agent;
    const came = this.roster.setAgent(agentId, state, this.#engine.now);
    this.#engine.beginAnew();
    const memberships = agent.groups.map((group) => ({ agentId, groupId: group.groupId }));
    if (came) measureHandicaps(this.roster.groups, memberships);
    const canTakeMore = came || (isPresent(agent) && (maxOpenTickets !== agent.maxOpenTickets || skills !== agent.skills));
    if (canTakeMore) for (const group of agent.groups) this.#lines.stir(group);
  }

  setGroup(groupId: string, state: GroupState): void {
    this.roster.setGroup(groupId, state);
    if (!this.#relaxes && relaxes(state.policy)) this.#isByTicket = true;
    this.#engine.beginAnew();
    this.#lines.stir(this.roster.group(groupId));
  }

  setMembership(groupId: string, agentId: string, member: boolean): void {
    this.roster.setMembership(groupId, agentId, member);
    this.#engine.beginAnew();
    if (!member) return;
    measureHandicaps(this.roster.groups, [{ agentId, groupId }]);
    this.#lines.stir(this.roster.group(groupId));
  }

  turnDay(day: string, begins: Moment, groupIds?: readonly string[]): void {
    this.roster.turnDay(day, begins, groupIds);
    this.#engine.beginAnew();
  }

  /** Somebody may be able to take anything that waits. */
  stir(): void {
    for (const group of this.roster.groups.values()) this.#lines.stir(group);
  }

  /** Gives out what waits where somebody may have become able to take it, and the ticket that is named, in waiting order over all of them. */
  handOut(ticket?: number): void {
    if (ticket !== undefined && this.tickets.where(ticket) === 'WAITING') this.#lines.stirOne(this.tickets.groupOf(ticket), ticket);
    this.#lines.offer(this.#handOut);
  }

  /** Begins to wait. Who has not looked for anybody yet is offered with what is given out next. */
  #wait(ticket: number, hasLooked = true): void {
    this.tickets.waitFrom(ticket, this.#engine.now);
    this.#line(ticket);
    if (!hasLooked) this.#lines.stirOne(this.tickets.groupOf(ticket), ticket);
  }

  #line(ticket: number): void {
    const group = this.tickets.groupOf(ticket);
    this.#lines.join(group, ticket, this.tickets.priorityOf(ticket));
    this.tickets.move(ticket, 'WAITING', null);
    this.#relaxations.add(ticket, this.#engine.nextRelaxation(group, this.tickets.waitStartOf(ticket)));
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
    const decided = this.#engine.place(this.#sought(ticket, previous), kind);
    if (decided && kind === 'REASSIGN' && previous) this.#release(ticket, previous, false, false);
    return this.#seat(ticket, decided);
  }

  #deal(ticket: number, deal: Deal, previous: SimulatedAgent | undefined): boolean {
    const group = this.tickets.groupOf(ticket);
    if (!group.active || group.deleted) return false;
    const decided = this.#engine.deal(this.#sought(ticket, previous), deal);
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

  #sought(ticket: number, previous: SimulatedAgent | undefined): Sought {
    return { group: this.tickets.groupOf(ticket), waitStart: this.tickets.waitStartOf(ticket), previousAgentId: previous?.agentId ?? null };
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
