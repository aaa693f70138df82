import TinyQueue from 'tinyqueue';
import type { Moment } from './steps.ts';
import { nextDay, type Zone } from './zone.ts';

/** When an agent is at work on every day, in milliseconds from midnight; he leaves later than he arrives. */
export interface WorkingHours {
  readonly arriveMs: number;
  readonly leaveMs: number;
  /** Whether what lies on his desk is dealt out when he leaves. */
  readonly dealsOut: boolean;
}

/** An agent comes or goes. */
export interface Turn {
  readonly time: Moment;
  readonly agentId: string;
  readonly comes: boolean;
  readonly dealsOut: boolean;
}

interface Appointment extends Turn {
  readonly day: string;
}

/** The comings and goings of agents with working hours, in the order of their times. */
export class Shifts {
  readonly #zone: Zone;
  readonly #hours: ReadonlyMap<string, WorkingHours>;
  readonly #turns = new TinyQueue<Appointment>([], (a, b) => a.time - b.time || Number(a.comes) - Number(b.comes) || (a.agentId < b.agentId ? -1 : 1));

  /** From a moment on: whoever is at work by then comes at that moment. */
  constructor(hours: ReadonlyMap<string, WorkingHours>, zone: Zone, from: Moment) {
    this.#zone = zone;
    this.#hours = hours;
    const today = zone.dayOf(from);
    for (const [agentId, { arriveMs, leaveMs }] of hours) {
      const arrives = zone.at(today, arriveMs);
      if (from < zone.at(today, leaveMs)) this.#add(agentId, today, true, Math.max(arrives, from));
      else this.#add(agentId, nextDay(today), true);
    }
  }

  /** Whether presence of this agent is a matter of working hours. */
  covers(agentId: string): boolean {
    return this.#hours.has(agentId);
  }

  get nextTime(): Moment {
    return this.#turns.peek()?.time ?? Infinity;
  }

  /** Takes the next turn; the one after it is then due. */
  take(): Turn | undefined {
    const turn = this.#turns.pop();
    if (turn) this.#add(turn.agentId, turn.comes ? turn.day : nextDay(turn.day), !turn.comes);
    return turn;
  }

  #add(agentId: string, day: string, comes: boolean, time?: Moment): void {
    const { arriveMs, leaveMs, dealsOut } = this.#hours.get(agentId) as WorkingHours;
    this.#turns.push({ agentId, day, comes, dealsOut, time: time ?? this.#zone.at(day, comes ? arriveMs : leaveMs) });
  }
}
