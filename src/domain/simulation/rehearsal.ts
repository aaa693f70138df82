import type { RunFigures } from './figures.ts';
import { Registry } from './registry.ts';
import { SimulatedRoster } from './roster.ts';
import { type Listener, Run } from './run.ts';
import { BASELINE, Scenario, type ScenarioChanges } from './scenario.ts';
import { Shifts, type WorkingHours } from './shifts.ts';
import type { Moment, Step } from './steps.ts';
import { TicketBook } from './ticket-book.ts';
import { Zone } from './zone.ts';

/** Samples that are kept of one scenario; with more, every other one is dropped. */
export const MAX_SAMPLES = 400;

const FIRST_INTERVAL_MS = 60_000;

/** What a rehearsal is about. */
export interface RehearsalSetup {
  readonly scenarios: readonly ScenarioChanges[];
  /** Groups that are reported. */
  readonly groupIds: readonly string[];
  /** Working hours of agents whose presence is not told by steps. */
  readonly hours: ReadonlyMap<string, WorkingHours>;
  /** Time zone of working hours and, where steps tell no days, of business days. */
  readonly zone: string;
  readonly startTime: Moment;
  /** Whether business days come with the steps; else they begin at midnight. */
  readonly daysAreTold: boolean;
  /** Whether the steps say when waiting tickets are given out; else it is after each of them. */
  readonly handOutIsTold: boolean;
  /** How long work on a ticket takes that does not say so; without it tickets leave desks when the steps say so. */
  readonly handlingMs: number | undefined;
  readonly lastNumber: number;
  /** Hears the decisions of the baseline. */
  readonly listener?: Listener | undefined;
}

/** One scenario against the baseline. */
export interface Outcome {
  readonly figures: RunFigures;
  /** Tickets whose first agent is another one than in the baseline. */
  readonly movedTickets: number;
}

/**
 * Plays the same steps in several worlds at once: as it was, and in each scenario. Memory grows with tickets
 * (some fifty bytes each in every world) and with what is pending, not with steps.
 */
export class Rehearsal {
  readonly book = new TicketBook();
  readonly runs: readonly Run[];
  readonly #setup: RehearsalSetup;
  readonly #zone: Zone;
  #midnight: Moment;
  #nextSample: Moment;
  #sampleIntervalMs = FIRST_INTERVAL_MS;
  #samples = 0;

  constructor(setup: RehearsalSetup) {
    this.#setup = setup;
    this.#zone = new Zone(setup.zone);
    const agentNumbers = new Registry();
    const groupNumbers = new Registry();
    this.runs = [BASELINE, ...setup.scenarios].map((changes, at) => {
      const hours = hoursIn(changes, setup.hours);
      const scenario = new Scenario(changes, hours);
      return new Run(scenario, new Shifts(hours, this.#zone, setup.startTime), new SimulatedRoster(agentNumbers, groupNumbers), this.book, {
        groupIds: setup.groupIds,
        handlingMs: setup.handlingMs,
        relaxes: !setup.handOutIsTold || scenario.changesAnything || setup.handlingMs !== undefined,
        lastNumber: setup.lastNumber,
        listener: at === 0 ? setup.listener : undefined,
      });
    });
    this.#midnight = setup.daysAreTold ? Infinity : this.#zone.nextMidnight(setup.startTime);
    this.#nextSample = setup.startTime;
    if (!setup.daysAreTold) this.#beginDay(setup.startTime);
  }

  /** Once groups and agents are known: the scenarios' own agents come. */
  begin(): void {
    for (const run of this.runs) run.hire(this.#setup.startTime);
  }

  /** The next step; times must not fall. */
  take(step: Step): void {
    this.#pass(step.time);
    this.#play(step);
  }

  /** Lets time pass until the end, and sums up: the baseline first. */
  end(time: Moment): Outcome[] {
    this.#pass(time);
    const [baseline] = this.runs as [Run];
    return this.runs.map((run) => {
      run.advance(time);
      // However short it was, and whenever it ended.
      run.sample(time);
      let movedTickets = 0;
      for (let ticket = 0; ticket < this.book.count; ticket++) {
        if (this.book.counts(ticket) && run.firstAgents.get(ticket) !== baseline.firstAgents.get(ticket)) movedTickets += 1;
      }
      return { figures: run.figures(), movedTickets };
    });
  }

  #play(step: Step): void {
    for (const run of this.runs) {
      run.take(step);
      if (!this.#setup.handOutIsTold) run.handOut();
    }
  }

  /** Days begin and samples are taken up to a moment. */
  #pass(time: Moment): void {
    for (let next = Math.min(this.#midnight, this.#nextSample); next <= time; next = Math.min(this.#midnight, this.#nextSample)) {
      if (this.#nextSample <= next) this.#sample();
      else this.#beginDay(next);
    }
  }

  #beginDay(time: Moment): void {
    const day = this.#zone.dayOf(time);
    this.#midnight = this.#zone.nextMidnight(time);
    this.#play({ type: 'DAY', time, day, begins: this.#zone.at(day, 0) });
  }

  #sample(): void {
    for (const run of this.runs) {
      run.advance(this.#nextSample);
      run.sample(this.#nextSample);
    }
    this.#samples += 1;
    // Room is left for the one at the end.
    if (this.#samples >= MAX_SAMPLES) {
      for (const run of this.runs) run.thinSamples();
      this.#samples = Math.ceil(this.#samples / 2);
      this.#sampleIntervalMs *= 2;
    }
    this.#nextSample += this.#sampleIntervalMs;
  }
}

function hoursIn(changes: ScenarioChanges, hours: ReadonlyMap<string, WorkingHours>): ReadonlyMap<string, WorkingHours> {
  const all = new Map(hours);
  for (const { agentId, workingHours } of [...changes.changedAgents.values(), ...changes.addedAgents]) if (workingHours) all.set(agentId, workingHours);
  for (const agentId of changes.removedAgentIds) all.delete(agentId);
  return all;
}
