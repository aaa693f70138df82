import type { Unit } from './command.ts';

/** A kind of fact, named in the past tense. */
export interface EventType<Fact> {
  readonly name: string;
  /** Carries the type only. */
  readonly fact?: Fact;
}

/** Declares a kind of fact. */
export const defineEvent = <Fact>(name: string): EventType<Fact> => ({ name });

/** Something to do in the transaction that announced a fact. */
export interface EventHandler {
  readonly event: string;
  handle(unit: Unit, fact: unknown): Promise<void>;
}

/** Ties a handler to a kind of fact; `app.ts` lists them all. */
export const when = <Fact>(event: EventType<Fact>, handle: (unit: Unit, fact: Fact) => Promise<void>): EventHandler => ({
  event: event.name,
  handle: (unit, fact) => handle(unit, fact as Fact),
});
