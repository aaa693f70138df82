import { create } from '@bufbuild/protobuf';
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';
import type { Sql } from './database/sql.ts';

/** An instant as PostgreSQL prints it in UTC, microseconds kept: `2026-03-01 09:30:00.123456+00`. */
export type Instant = string;
/** A calendar day, `2026-03-01`. */
export type Day = string;

/** The service's time: what the database's clock says, and which business day that is. */
export interface Time {
  readonly now: Instant;
  readonly today: Day;
}

const timeSql = (clock: string): string =>
  `SELECT c.now::text AS now, (c.now AT TIME ZONE s.business_time_zone)::date::text AS today FROM settings s, (SELECT ${clock} AS now OFFSET 0) c`;

/** Reads the database's clock. */
export const readTime = (sql: Sql): Promise<Time> => timeBy(sql, timeSql('docket_now()'));

/**
 * Reads the clock inside a unit of work that holds no pools: once. Before that the transaction becomes one that writes, so that who reads the past as of
 * a later instant waits for it.
 */
export const readTimeToWrite = (sql: Sql): Promise<Time> => timeBy(sql, timeSql('CASE WHEN pg_current_xact_id() IS NOT NULL THEN docket_now() END'));

async function timeBy(sql: Sql, text: string): Promise<Time> {
  const [time] = await sql<Time>(text);
  if (!time) throw new Error('the settings row is missing');
  return time;
}

/** The time of a change to what was changed last at `previous`: now; where that is not later, the next microsecond, so that no two versions share their time. */
export const timeOfChange = (now: Instant, previous: Instant): Instant => (microsOf(now) > microsOf(previous) ? now : instantOf(microsOf(previous) + 1));

/** The wire form of an instant; undefined stays undefined. */
export function toTimestamp(instant: Instant): Timestamp;
export function toTimestamp(instant: Instant | null | undefined): Timestamp | undefined;
export function toTimestamp(instant: Instant | null | undefined): Timestamp | undefined {
  if (!instant) return undefined;
  if (instant !== last.instant) last = { instant, ...parse(instant) };
  return create(TimestampSchema, { seconds: BigInt(last.seconds), nanos: last.nanos });
}

/** What was read last: all rows of a unit of work carry the same time. */
let last: { readonly instant: Instant; readonly seconds: number; readonly nanos: number } = { instant: '', seconds: 0, nanos: 0 };

function parse(instant: Instant): { seconds: number; nanos: number } {
  const match = /^(\d+)-(\d+)-(\d+)[ T](\d+):(\d+):(\d+)(?:\.(\d+))?(?:Z|\+00(?::?00)?)$/.exec(instant);
  if (!match) throw new Error(`not an instant in UTC: ${instant}`);
  const [, year, month, day, hour, minute, second, fraction] = match;
  const seconds = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)) / 1000;
  return { seconds, nanos: Number((fraction ?? '').padEnd(9, '0')) };
}

/** The database's form of a wire timestamp, cut to microseconds. */
export function fromTimestamp(timestamp: Timestamp): Instant {
  const whole = new Date(Number(timestamp.seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  const micros = Math.floor(timestamp.nanos / 1000)
    .toString()
    .padStart(6, '0');
  return `${whole}.${micros}+00`;
}

/** An instant in microseconds since 1970, exact until the year 2255; minus infinity for `-infinity`. */
export function microsOf(instant: Instant): number {
  if (instant === '-infinity') return -Infinity;
  const { seconds, nanos } = parse(instant);
  return seconds * 1_000_000 + nanos / 1000;
}

/** The instant so many microseconds after the start of 1970. */
export function instantOf(micros: number): Instant {
  const seconds = Math.floor(micros / 1_000_000);
  return fromTimestamp(create(TimestampSchema, { seconds: BigInt(seconds), nanos: (micros - seconds * 1_000_000) * 1000 }));
}

/** The wire form of a span of whole milliseconds, not negative. */
export const toDuration = (spanMs: number): Duration =>
  create(DurationSchema, { seconds: BigInt(Math.floor(spanMs / 1000)), nanos: (spanMs % 1000) * 1_000_000 });

/** Whether a name is an IANA time zone that this runtime knows. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}
