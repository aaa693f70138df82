import { isDatabaseLost, sqlStateOf } from '../../foundation/database/failures.ts';
import { ReadOnly } from '../../foundation/database/writes.ts';
import { DomainError } from '../../foundation/errors.ts';

/** How long callers are asked to wait while the database cannot be reached, in milliseconds. */
const unreachableRetryAfterMs = 1_000;
/** … and when they lost against other changes. */
const contentionRetryAfterMs = 100;

/** SQLSTATEs, or their first characters, that mean "not now": connection, log-in, no such database, resources, shutdown, system. */
const unreachableStates = ['08', '28', '3D000', '53', '57P', '58'];

/**
 * What a caller is told of an error of the database that is neither his fault nor a fault in our SQL;
 * undefined for everything else.
 */
export function databaseTrouble(thrown: unknown): DomainError | undefined {
  const state = sqlStateOf(thrown) ?? '';
  if (isDatabaseLost(thrown) || unreachableStates.some((start) => state.startsWith(start))) {
    return new DomainError('unavailable', 'DATABASE_UNAVAILABLE', 'the database cannot be reached at the moment', {
      retryAfterMs: unreachableRetryAfterMs,
    });
  }
  switch (state) {
    case '25006': // read_only_sql_transaction: the database takes no changes, which was not noticed yet
      return new ReadOnly();
    case '57014': // query_canceled: the call's own signal was looked at before, so this was the statement time-out
      return new DomainError('deadline_exceeded', 'DEADLINE_EXCEEDED', 'the work took longer than one statement may');
    case '55P03': // lock_not_available
    case '40001': // serialization_failure, left over after the silent retries
    case '40P01': // deadlock_detected, likewise
      return new DomainError('aborted', 'CONCURRENT_CHANGE', 'other changes kept getting in the way', { retryAfterMs: contentionRetryAfterMs });
    case '22021': // character_not_in_repertoire
    case '22P05': // untranslatable_character
      return new DomainError('invalid_argument', 'INVALID_FIELD', 'a text holds a character that cannot be stored, such as NUL');
    default:
      return undefined;
  }
}
