import type { Moment } from './steps.ts';

const DAY_MS = 86_400_000;

/** Days and times of day in one time zone. */
export class Zone {
  readonly #format: Intl.DateTimeFormat;
  #day = { from: Infinity, to: -Infinity, name: '' };

  /** `name` is an IANA name. */
  constructor(name: string) {
    const numeric = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const;
    this.#format = new Intl.DateTimeFormat('en-US', { ...numeric, timeZone: name, hourCycle: 'h23', era: 'short' });
  }

  /** The calendar day of a moment, such as `2026-03-01`. */
  dayOf(moment: Moment): string {
    if (moment < this.#day.from || moment >= this.#day.to) {
      const name = new Date(this.#local(moment)).toISOString().slice(0, 10);
      this.#day = { from: this.at(name, 0), to: this.at(nextDay(name), 0), name };
    }
    return this.#day.name;
  }

  /** The moment at which the next day begins. */
  nextMidnight(moment: Moment): Moment {
    this.dayOf(moment);
    return this.#day.to;
  }

  /** The moment at which a day's clocks show a time, in milliseconds from midnight; one that a change of clocks leaves out is moved on. */
  at(day: string, timeMs: number): Moment {
    const wanted = Date.parse(`${day}T00:00:00Z`) + timeMs;
    const guess = wanted - (this.#local(wanted) - wanted);
    return guess + (wanted - this.#local(guess));
  }

  /** What the clocks show at a moment, as if it were UTC. */
  #local(moment: Moment): Moment {
    const whole = Math.floor(moment / 1000) * 1000;
    const parts: Record<string, string> = {};
    for (const { type, value } of this.#format.formatToParts(whole)) parts[type] = value;
    const [year, month, day, hour, minute, second] = ['year', 'month', 'day', 'hour', 'minute', 'second'].map((name) => Number(parts[name])) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return Date.UTC(year, month - 1, day, hour, minute, second) + (moment - whole);
  }
}

/** The day after. */
export const nextDay = (day: string): string => new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);
