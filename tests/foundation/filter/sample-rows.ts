import type { CelInput } from '@bufbuild/cel';
import { create } from '@bufbuild/protobuf';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import type pg from 'pg';
import type { FilterSchema } from '../../../src/foundation/filter/index.ts';

// Two fields can be compared with each other when they share their constants.
const ranks = { LOW: 1, MEDIUM: 2, HIGH: 3 };

/** A field of every type that a filter can have, with and without NULL. */
export const schema = {
  name: { sql: 'r.name', type: 'string' },
  nick: { sql: 'r.nick', type: 'string', nullable: true },
  group_id: { sql: 'r.group_id', type: 'uuid' },
  owner_id: { sql: 'r.owner_id', type: 'uuid', nullable: true },
  user_id: { sql: 'r.user_id', type: 'int' },
  score: { sql: 'r.score', type: 'int', nullable: true },
  active: { sql: 'r.active', type: 'bool' },
  pinned: { sql: 'r.pinned', type: 'bool', nullable: true },
  create_time: { sql: 'r.create_time', type: 'timestamp' },
  resolve_time: { sql: 'r.resolve_time', type: 'timestamp', nullable: true },
  status: { sql: 'r.status', type: 'enum', constants: { OPEN: 'OPEN', ON_HOLD: 'ON_HOLD', CLOSED: 'CLOSED' } },
  priority: { sql: 'r.priority', type: 'enum', constants: ranks, ordered: true },
  urgency: { sql: 'r.urgency', type: 'enum', constants: ranks, ordered: true, nullable: true, nullAs: 2 },
  labels: { sql: 'r.labels', type: 'string_list' },
  tags: { sql: 'r.tags', type: 'string_list', nullable: true },
  attributes: { sql: 'r.attributes', type: 'json' },
  extras: { sql: 'r.extras', type: 'json', nullable: true },
} as const satisfies FilterSchema;

/** The moment that filters may call `now`. */
export const now = '2026-03-01T12:00:00.000001Z';

const MICROS_PER_DAY = 86_400_000_000n;
const NOON = 1_772_366_400_000_000n;

/** Texts that patterns, quotes, collations and lengths could trip over. None past U+D7FF except by a pair: CEL here orders by UTF-16. */
export const texts = ['', 'a', 'A', 'b', 'ab', 'Ab%', 'a_b', '%', '_', "it's", '\\', '"', 'é', '😀', 'a😀', ' a'];

export const ids = ['0190b3c4-0000-7000-8000-000000000001', '0190b3c4-0000-7000-8000-00000000000f', '0190b3c4-ffff-7000-8000-000000000001'];

export const wholes = [0n, 1n, -1n, 2n, 3n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];

/** Numbers that attributes hold; each a double whose shortest decimal is exact. */
export const numbers = [0, 1, -1, 2, 3, 2.5, 0.1, -0.5, 2 ** 53, 1e21, 1e-7];

/** Times as microseconds since 1970. */
export const times = [NOON, NOON + 1n, NOON - 1n, NOON + MICROS_PER_DAY, NOON - MICROS_PER_DAY, NOON - 30n * MICROS_PER_DAY, -1n, 0n];

/** Keys of attributes; the last is no identifier. */
export const keys = ['a', 'b', 'x-y'];

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** One row; NULL is null. */
export interface Row {
  name: string;
  nick: string | null;
  group_id: string;
  owner_id: string | null;
  user_id: bigint;
  score: bigint | null;
  active: boolean;
  pinned: boolean | null;
  create_time: bigint;
  resolve_time: bigint | null;
  status: string;
  priority: number;
  urgency: number | null;
  labels: string[];
  tags: string[] | null;
  attributes: { [key: string]: Json };
  extras: { [key: string]: Json } | null;
}

const text = fc.constantFrom(...texts);
const maybe = <Item>(arbitrary: fc.Arbitrary<Item>): fc.Arbitrary<Item | null> => fc.option(arbitrary, { freq: 3 });
const scalar: fc.Arbitrary<Json> = fc.oneof(text, fc.constantFrom(...numbers), fc.boolean(), fc.constant(null));
const flat = fc.dictionary(fc.constantFrom(...keys), scalar, { maxKeys: 3, noNullPrototype: true });
const json: fc.Arbitrary<Json> = fc.oneof(
  { weight: 5, arbitrary: scalar },
  { weight: 2, arbitrary: fc.array(scalar, { maxLength: 3 }) },
  { weight: 2, arbitrary: flat },
);
const document = fc.dictionary(fc.constantFrom(...keys), json, { maxKeys: 3, noNullPrototype: true });
const list = fc.uniqueArray(text, { maxLength: 3 });

export const row: fc.Arbitrary<Row> = fc.record({
  name: text,
  nick: maybe(text),
  group_id: fc.constantFrom(...ids),
  owner_id: maybe(fc.constantFrom(...ids)),
  user_id: fc.constantFrom(...wholes),
  score: maybe(fc.constantFrom(...wholes)),
  active: fc.boolean(),
  pinned: maybe(fc.boolean()),
  create_time: fc.constantFrom(...times),
  resolve_time: maybe(fc.constantFrom(...times)),
  status: fc.constantFrom('OPEN', 'ON_HOLD', 'CLOSED'),
  priority: fc.constantFrom(1, 2, 3),
  urgency: maybe(fc.constantFrom(1, 2, 3)),
  labels: list,
  tags: maybe(list),
  attributes: document,
  extras: maybe(document),
});

/** The row as the variables of a CEL evaluator, with the constants bound beside the fields. */
export function bindings(given: Row): Record<string, CelInput> {
  return {
    ...given,
    nick: given.nick ?? '',
    owner_id: given.owner_id ?? '',
    score: given.score ?? 0n,
    pinned: given.pinned ?? false,
    create_time: timestamp(given.create_time),
    resolve_time: given.resolve_time === null ? null : timestamp(given.resolve_time),
    priority: BigInt(given.priority),
    urgency: BigInt(given.urgency ?? 2),
    tags: given.tags ?? [],
    extras: given.extras ?? {},
    ...{ OPEN: 'OPEN', ON_HOLD: 'ON_HOLD', CLOSED: 'CLOSED', LOW: 1n, MEDIUM: 2n, HIGH: 3n },
    now: timestamp(NOON + 1n),
  };
}

function timestamp(micros: bigint) {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return create(TimestampSchema, { seconds: (micros - rest) / 1_000_000n, nanos: Number(rest) * 1000 });
}

/** RFC 3339 with microseconds. */
export function timeLiteral(micros: bigint, nanosMore = 0): string {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((micros - rest) / 1000n)).toISOString().slice(0, 19);
  return `${seconds}.${`${Number(rest) * 1000 + nanosMore}`.padStart(9, '0')}Z`;
}

/** Makes the table and fills it; the id of a row is its index. The name's own collation puts a before B, which CEL does not. */
export async function storeRows(client: pg.Client, rows: readonly Row[]): Promise<void> {
  await client.query(`CREATE TABLE filter_rows (
    id integer PRIMARY KEY, name text COLLATE "en-x-icu" NOT NULL, nick text COLLATE "C", group_id uuid NOT NULL, owner_id uuid, user_id bigint NOT NULL, score bigint,
    active boolean NOT NULL, pinned boolean, create_time timestamptz NOT NULL, resolve_time timestamptz, status text NOT NULL, priority smallint NOT NULL,
    urgency smallint, labels text[] NOT NULL, tags text[], attributes jsonb NOT NULL, extras jsonb)`);
  for (const [id, given] of rows.entries()) {
    const columns = Object.entries({
      id,
      ...given,
      create_time: timeLiteral(given.create_time),
      resolve_time: given.resolve_time === null ? null : timeLiteral(given.resolve_time),
      attributes: JSON.stringify(given.attributes),
      extras: given.extras === null ? null : JSON.stringify(given.extras),
    });
    const places = columns.map((_, index) => `$${index + 1}`).join(', ');
    const values = columns.map(([, value]) => (typeof value === 'bigint' ? `${value}` : value));
    await client.query(`INSERT INTO filter_rows (${columns.map(([name]) => name).join(', ')}) VALUES (${places})`, values);
  }
}
