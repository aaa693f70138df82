import { fromJson } from '@bufbuild/protobuf';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import { Fault } from './error.ts';

// Times and spans are whole nanoseconds here: since 1970 for a time, as CEL counts them.

const NANOS_PER_SECOND = 1_000_000_000n;
const NANOS_PER_MICRO = 1000n;
const FIRST_TIME = -62_135_596_800n * NANOS_PER_SECOND;
const LAST_TIME = 253_402_300_800n * NANOS_PER_SECOND - 1n;
const LONGEST_SPAN = 2n ** 63n - 1n;

const UNIT_NANOS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  ms: 1_000_000n,
  s: NANOS_PER_SECOND,
  m: 60n * NANOS_PER_SECOND,
  h: 3600n * NANOS_PER_SECOND,
};

/** Nanoseconds since 1970 of an RFC 3339 text, year 1 to 9999; another text is a Fault. */
export function parseTime(text: string, at: number): bigint {
  try {
    const { seconds, nanos } = fromJson(TimestampSchema, text);
    return seconds * NANOS_PER_SECOND + BigInt(nanos);
  } catch {
    throw new Fault(at, 'not a time such as "2026-01-31T08:00:00Z" (RFC 3339)');
  }
}

/** Nanoseconds of a span such as "1h30m" or "-1.5s", with units h, m, s, ms, us and ns; another text is a Fault. */
export function parseSpan(text: string, at: number): bigint {
  const fault = new Fault(at, 'not a span such as "24h" or "1h30m" (units h, m, s, ms, us, ns)');
  if (text.length > 128) throw fault;
  if (/^[+-]?0$/.test(text)) return 0n;
  if (!/^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.test(text)) throw fault;
  let nanos = 0n;
  for (const [, whole, fraction, unit] of text.matchAll(/(\d*)\.?(\d*)(ns|us|µs|ms|s|m|h)/g)) {
    const factor = UNIT_NANOS[unit ?? ''] ?? 0n;
    nanos += BigInt(whole || '0') * factor;
    nanos += (BigInt(fraction || '0') * factor) / 10n ** BigInt((fraction ?? '').length);
  }
  return spanInRange(text.startsWith('-') ? -nanos : nanos, at);
}

/** The time if it lies in the years 1 to 9999; else a Fault. */
export function timeInRange(nanos: bigint, at: number): bigint {
  if (nanos < FIRST_TIME || nanos > LAST_TIME) throw new Fault(at, 'this time is outside the years 1 to 9999');
  return nanos;
}

/** The span if it is shorter than about 292 years; else a Fault. */
export function spanInRange(nanos: bigint, at: number): bigint {
  if (nanos > LONGEST_SPAN || nanos < -LONGEST_SPAN - 1n) throw new Fault(at, 'this span is longer than 292 years');
  return nanos;
}

/** Whole microseconds, which is what the database keeps, and whether something was cut off. Cuts towards the past. */
export function microseconds(nanos: bigint): { readonly micros: bigint; readonly cut: boolean } {
  const rest = ((nanos % NANOS_PER_MICRO) + NANOS_PER_MICRO) % NANOS_PER_MICRO;
  return { micros: (nanos - rest) / NANOS_PER_MICRO, cut: rest !== 0n };
}

/** Text that PostgreSQL reads as a `timestamptz`. */
export function timeText(nanos: bigint): string {
  const { micros } = microseconds(nanos);
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  const milliseconds = new Date(Number((micros - rest) / 1000n)).toISOString();
  return milliseconds.replace('Z', `${`${rest}`.padStart(3, '0')}Z`);
}

/** Text that PostgreSQL reads as an `interval`. */
export function spanText(nanos: bigint): string {
  return `${microseconds(nanos).micros} microseconds`;
}
