import { setTimeout as wait } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { type Instant, microsOf } from '../clock.ts';
import { InvalidField } from '../errors.ts';
import { prepared } from './prepared.ts';
import { type Sql, sqlOf } from './sql.ts';

/** How long a look at the writers under way is followed by another one: from the first to the longest pause, in milliseconds. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

/**
 * Every transaction that began to write before this instant, in microseconds, has ended. By the configuration, which all forks of one
 * entity manager share. Only ever rises: whoever begins later writes later times.
 */
const settledBefore = new WeakMap<object, number>();

/**
 * Waits until nothing can be written any more that carries this time or an earlier one: until all transactions have ended that began
 * to write by then. Holds no connection meanwhile, and does not wait for those that began later. Throws InvalidField for an instant that lies in the
 * future, and the signal's reason once it is aborted.
 */
export async function untilSettled({ em, signal }: { readonly em: EntityManager; readonly signal: AbortSignal }, at: Instant): Promise<void> {
  const atMicros = microsOf(at);
  if (atMicros < (settledBefore.get(em.config) ?? -Infinity)) return;
  const sql = sqlOf(em, signal);
  // The clock is read before the writers are looked for: who is not among them has yet to read his time.
  let now = await readClock(sql);
  if (atMicros > now) throw new InvalidField('as_of', 'must not lie in the future');
  for (; now <= atMicros; now = await readClock(sql)) await pause(FIRST_PAUSE_MS, signal);
  const writers = await sql<{ id: string; start_time: Instant | null }>(WRITERS);
  const startOf = ({ start_time }: { readonly start_time: Instant | null }): number => (start_time === null ? -Infinity : microsOf(start_time));
  remember(em, Math.min(now, ...writers.map(startOf)));
  let awaited = writers.filter((writer) => startOf(writer) <= atMicros).map(({ id }) => id);
  for (let ms = FIRST_PAUSE_MS; awaited.length > 0; ms = Math.min(2 * ms, LONGEST_PAUSE_MS)) {
    await pause(ms, signal);
    awaited = (await sql<{ id: string }>(STILL_UNDER_WAY, [awaited])).map(({ id }) => id);
  }
  remember(em, atMicros + 1);
}

const CLOCK = prepared('SELECT docket_now()::text AS now');
const WRITERS = prepared('SELECT transaction_id::text AS id, start_time::text FROM writers_under_way()');
const STILL_UNDER_WAY = prepared('SELECT transaction_id::text AS id FROM writers_under_way() WHERE transaction_id::text = ANY ($1::text[])');

async function readClock(sql: Sql): Promise<number> {
  const [clock] = await sql<{ now: Instant }>(CLOCK);
  if (!clock) throw new Error('the database did not say what time it is');
  return microsOf(clock.now);
}

function remember(em: EntityManager, micros: number): void {
  settledBefore.set(em.config, Math.max(micros, settledBefore.get(em.config) ?? -Infinity));
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch((error: unknown) => {
    throw signal.aborted ? signal.reason : error;
  });
}
