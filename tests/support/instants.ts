import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { type Instant, toTimestamp } from '../../src/foundation/clock.ts';

/** Runs SQL on a database. */
interface Database {
  sql(text: string): Promise<Record<string, unknown>[]>;
}

/** What the database's clock says: an instant that everything written before lies before, and all that is written from now on after. */
export async function readInstant(database: Database): Promise<Instant> {
  const [row] = await database.sql('SELECT docket_now()::text AS now');
  return String(row?.now);
}

/** The same as a request names it. */
export async function readTimestamp(database: Database): Promise<Timestamp> {
  return toTimestamp(await readInstant(database));
}
