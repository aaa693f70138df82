import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { fromTimestamp, type Instant, microsOf } from '../../../foundation/clock.ts';
import type { Context } from '../../../foundation/context.ts';
import { untilSettled } from '../../../foundation/database/settled.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import { HistoryDropped } from '../errors.ts';

/**
 * The instant that a request asks to be answered as of, once everything that was written up to it is there to be read. Throws InvalidField for one
 * in the future; ends with the call.
 */
export async function settledInstant(ctx: Pick<Context, 'em' | 'signal'>, asOf: Timestamp): Promise<Instant> {
  const at = fromTimestamp(asOf);
  await untilSettled(ctx, at);
  return at;
}

/** SQL of the instant from which on the log is whole: what was before has been dropped with its months. NULL when nothing was. */
export const KEPT_FROM = `(SELECT (max(month) + interval '1 month') AT TIME ZONE 'UTC' FROM dropped_months)`;

/** Throws HistoryDropped for an instant before the one from which on the log is whole. To be read together with the past, or after it. */
export function assertKept(at: Instant, keptFrom: Instant | null): void {
  if (keptFrom !== null && microsOf(at) < microsOf(keptFrom)) throw new HistoryDropped(keptFrom);
}

/** The same, looked up by itself: what was read before is whole if this does not throw. */
export async function assertStillKept(sql: Sql, at: Instant): Promise<void> {
  const [row] = await sql<{ kept_from: Instant | null }>(`SELECT ${KEPT_FROM}::text AS kept_from`);
  assertKept(at, row?.kept_from ?? null);
}
