import type { DecisionKind, TieBreak } from '../assignment/index.ts';
import { Durations, Loads, type RunFigures, type Sample } from './figures.ts';
import { Labour } from './labour.ts';
import { NumberList } from './numbers.ts';
import { isPresent, type SimulatedAgent, type SimulatedGroup, type SimulatedRoster } from './roster.ts';
import type { Scenario } from './scenario.ts';
import type { Shifts } from './shifts.ts';
import type { Moment, Step } from './steps.ts';
import type { TicketBook } from './ticket-book.ts';
import type { Watcher } from './watcher.ts';
import { World } from './world.ts';

/** How decisions are called in which the policy had nothing to choose. */
const UNCHOSEN: ReadonlySet<TieBreak> = new Set(['NONE', 'ONLY_CANDIDATE', 'PREVIOUS_AGENT']);

/** What a run is made of besides its scenario. */
export interface RunOptions {
  /** Groups that are reported: the only ones that are measured. */
  readonly groupIds: readonly string[];
  /** How long work on a ticket takes that does not say so; without it tickets leave desks when the steps say so. */
  readonly handlingMs?: number | undefined;
  /** Whether waiting tickets are relaxed as time goes by; else when the steps say so. */
  readonly relaxes: boolean;
  /** The number of the last decision before. */
  readonly lastNumber: number;
  readonly listener?: Listener | undefined;
}

/** Hears every decision of a run. */
export type Listener = (ticket: number, agent: SimulatedAgent, kind: DecisionKind, tieBreak: TieBreak) => void;

/** One scenario being played: a world, the work that is done in it, and what is measured. */
export class Run implements Watcher {
  readonly scenario: Scenario;
  readonly world: World;
  /** The number of each ticket's first agent, -1 for none. */
  readonly firstAgents = new NumberList(Int32Array, -1);
  readonly #begun = new NumberList(Uint8Array);
  readonly #book: TicketBook;
  readonly #told: ReadonlySet<string>;
  readonly #relaxes: boolean;
  readonly #shifts: Shifts;
  readonly #labour: Labour | undefined;
  readonly #loads = new Loads();
  readonly #untilAssigned = new Durations();
  readonly #untilHandled = new Durations();
  readonly #samples: Sample[] = [];
  readonly #listener: Listener | undefined;
  /** Agents whose work may have to begin, go on or pause. */
  readonly #astir = new Set<SimulatedAgent>();
  #now: Moment = 0;

  constructor(scenario: Scenario, shifts: Shifts, roster: SimulatedRoster, book: TicketBook, options: RunOptions) {
    this.scenario = scenario;
    this.#shifts = shifts;
    this.#book = book;
    this.#told = new Set(options.groupIds);
    this.#relaxes = options.relaxes;
    this.#labour = options.handlingMs === undefined ? undefined : new Labour(book, options.handlingMs);
    this.#listener = options.listener;
    this.world = new World(roster, book, [this], options);
  }

  /** A ticket that was there when the rehearsal began; it waits if its agent is not there in this scenario. */
  put(
    ticket: number,
    was: { readonly groupId: string; readonly priority: number; readonly agentId: string | null; readonly pending: boolean; readonly waitStart: Moment | null },
  ): void {
    const { removedAgentIds } = this.scenario.changes;
    const agentId = was.agentId === null || removedAgentIds.has(was.agentId) ? undefined : was.agentId;
    this.world.put(ticket, { ...was, agentId: agentId ?? null });
    if (agentId === undefined || !was.pending) return;
    const agent = this.world.roster.agent(agentId);
    this.#labour?.add(ticket, was.priority, agent);
    this.#astir.add(agent);
  }

  /** The scenario's own agents come. */
  hire(time: Moment): void {
    for (const { agentId, groupIds, skills, weight, maxOpenTickets } of this.scenario.changes.addedAgents) {
      this.take({ type: 'AGENT', time, agentId, state: { active: true, deleted: false, availability: 'AVAILABLE', skills, weight, maxOpenTickets } });
      for (const groupId of groupIds) this.take({ type: 'MEMBERSHIP', time, groupId, agentId, member: true });
    }
    if (this.scenario.changesAnything) this.world.stir();
    this.handOut();
  }

  /** Plays on to a moment, then takes in the step, as far as it happens in this scenario. */
  take(step: Step): void {
    this.advance(step.time);
    this.world.now = step.time;
    const changed = this.scenario.adapt(step);
    if (changed) this.#apply(changed);
    this.#attend();
  }

  /** Gives out what waits. */
  handOut(): void {
    this.world.handOut();
    this.#attend();
  }

  /** Lets work and shifts go on until a moment. */
  advance(time: Moment): void {
    for (let next = this.#nextTime; next <= time; next = this.#nextTime) {
      this.#now = Math.max(this.#now, next);
      this.world.now = this.#now;
      // Who is done at the end of his shift is done.
      if (this.#labour && this.#labour.nextTime <= next) this.#finish(this.#labour);
      else if (this.#shifts.nextTime <= next) this.#turn();
      else this.world.relax();
      this.handOut();
    }
    this.#now = Math.max(this.#now, time);
  }

  get #nextTime(): Moment {
    return Math.min(this.#labour?.nextTime ?? Infinity, this.#shifts.nextTime, this.#relaxes ? this.world.nextRelaxation : Infinity);
  }

  #finish(labour: Labour): void {
    const done = labour.finish();
    if (done) this.world.end(done.ticket, true);
  }

  #turn(): void {
    const turn = this.#shifts.take();
    const state = turn && this.scenario.turn(turn.agentId, turn.comes);
    if (!state) return;
    this.world.setAgent(turn.agentId, state);
    this.#astir.add(this.world.roster.agent(turn.agentId));
    if (!turn.comes && turn.dealsOut) this.world.clearDesks([turn.agentId]);
  }

  given(ticket: number, agent: SimulatedAgent, group: SimulatedGroup, kind: DecisionKind, tieBreak: TieBreak): void {
    if (this.firstAgents.get(ticket) < 0) {
      this.firstAgents.set(ticket, agent.index);
      const wait = this.#now - this.#book.createTime(ticket);
      if (this.#book.counts(ticket)) this.#untilAssigned.add(Math.max(0, wait));
    }
    if (this.#told.has(group.groupId)) this.#loads.given(agent, group, !UNCHOSEN.has(tieBreak));
    this.#labour?.add(ticket, this.world.tickets.priorityOf(ticket), agent);
    this.#astir.add(agent);
    this.#listener?.(ticket, agent, kind, tieBreak);
  }

  taken(ticket: number, agent: SimulatedAgent, group: SimulatedGroup, ended: boolean): void {
    if (ended && this.#told.has(group.groupId)) this.#loads.ended(agent);
    this.#labour?.remove(ticket, agent, ended, this.#now);
    this.#astir.add(agent);
  }

  /** Measures how far apart the agents are. */
  sample(time: Moment): void {
    let assignedSpread = 0;
    let openSpread = 0;
    let waiting = 0;
    for (const groupId of this.#told) {
      const group = this.world.roster.group(groupId);
      waiting += this.world.waitingIn(group);
      const present = group.members.filter(isPresent);
      assignedSpread = Math.max(assignedSpread, spreadOf(present.map((agent) => agent.assignedToday)));
      openSpread = Math.max(openSpread, spreadOf(present.map((agent) => agent.openTickets)));
    }
    this.#samples.push({ time, assignedSpread, openSpread, waiting });
  }

  /** Keeps every other sample. */
  thinSamples(): void {
    this.#samples.splice(0, this.#samples.length, ...this.#samples.filter((_, at) => at % 2 === 0));
  }

  figures(): RunFigures {
    const tickets = this.#book.counted;
    const agents = new Set([...this.#told].flatMap((groupId) => this.world.roster.group(groupId).members));
    for (const agent of this.world.roster.agents.values()) if (this.#loads.of(agent).assigned > 0) agents.add(agent);
    return {
      name: this.scenario.name,
      loads: [...agents].map((agent) => this.#loads.of(agent)).sort((a, b) => (a.agentId < b.agentId ? -1 : 1)),
      samples: this.#samples,
      untilAssigned: this.#untilAssigned.summarise(tickets),
      untilHandled: this.#labour && this.#untilHandled.summarise(tickets),
    };
  }

  #apply(step: Step): void {
    const { world } = this;
    switch (step.type) {
      case 'ARRIVAL':
        return world.arrive(step.ticket, step.groupId, step.priority, step.agentId, step.waits);
      case 'END':
        // Who works through his desk is done when the model says so; only what nobody wants any more ends by itself.
        return this.#labour && step.resolved ? undefined : world.end(step.ticket, step.resolved);
      case 'REOPENING':
        return world.reopen(step.ticket, step.agentId, step.waits);
      case 'CHANGE':
        return world.change(step.ticket, step);
      case 'SUSPENSION':
        return world.suspend(step.ticket);
      case 'RETURN':
        return world.rejoin(step.ticket, step.groupId, step.priority);
      case 'DEAL':
        return world.deal(step.dealId, step.ticket, step.from, step.excluded);
      case 'DESKS':
        return world.clearDesks(step.agentIds, step.groupId);
      case 'AGENT':
        world.setAgent(step.agentId, step.state);
        this.#astir.add(world.roster.agent(step.agentId));
        return;
      case 'GROUP':
        return world.setGroup(step.groupId, step.state);
      case 'MEMBERSHIP':
        return world.setMembership(step.groupId, step.agentId, step.member);
      case 'DAY':
        return world.turnDay(step.day, step.begins, step.groupIds);
      case 'HAND_OUT':
        return world.handOut();
      case 'OFFER':
        return world.handOut(step.ticket);
    }
  }

  #attend(): void {
    if (this.#labour) {
      for (const agent of this.#astir) {
        const begun = this.#labour.attend(agent, this.#now);
        if (begun === undefined || this.#begun.get(begun) > 0) continue;
        this.#begun.set(begun, 1);
        if (this.#book.counts(begun)) this.#untilHandled.add(Math.max(0, this.#now - this.#book.createTime(begun)));
      }
    }
    this.#astir.clear();
  }
}

function spreadOf(counts: readonly number[]): number {
  return counts.length === 0 ? 0 : Math.max(...counts) - Math.min(...counts);
}
