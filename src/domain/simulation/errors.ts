import { DomainError } from '../../foundation/errors.ts';

/** A rehearsal has more of something than one call may have. */
export class SimulationTooLarge extends DomainError {
  constructor(what: string, limit: number) {
    super('resource_exhausted', 'SIMULATION_TOO_LARGE', `a rehearsal may have at most ${limit.toLocaleString('en')} ${what}`, {
      facts: { what, limit: String(limit) },
    });
  }
}

/** This process rehearses as much at once as it may. */
export class TooManySimulations extends DomainError {
  constructor(limit: number) {
    super('resource_exhausted', 'TOO_MANY_SIMULATIONS', `at most ${limit} rehearsals go on at once`, { facts: { limit: String(limit) }, retryAfterMs: 5_000 });
  }
}

/** The audit log does not hold all that happened in the time to be rehearsed. */
export class HistoryIncomplete extends DomainError {
  constructor(what: string) {
    super('failed_precondition', 'HISTORY_INCOMPLETE', `the audit log does not hold all that happened: ${what}`);
  }
}
