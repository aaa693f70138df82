import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { inject } from 'vitest';
import { type TestRun, templateOf, urlOfDatabase, withAdmin } from './template.ts';

declare module 'vitest' {
  interface ProvidedContext {
    testRun: TestRun;
  }
}

/** A database of its own for one test file. */
export interface TestDatabase {
  readonly url: string;
  /** Removes it, ending the sessions that are still on it. Whatever is not dropped goes at the end of the run. */
  drop(): Promise<void>;
}

/** A copy of the migrated template, in which `moveClock` works. Takes a fraction of a second. */
export function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase((name, run) => `CREATE DATABASE ${name} TEMPLATE ${templateOf(run)}`);
}

/** A database with nothing in it and the real clock, for tests of the migrations themselves. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabase((name) => `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'`);
}

/**
 * Moves the time that a test database tells by an interval such as `2 hours` or `-1 day`, on top
 * of earlier moves, for all sessions from their next statement on. Answers the time it is then. Takes
 * the database's URL, or a client whose transaction the move is to be part of.
 */
export async function moveClock(database: string | Pick<pg.ClientBase, 'query'>, interval: string): Promise<Date> {
  if (typeof database === 'string') return withAdmin(database, (client) => moveClock(client, interval));
  await database.query('UPDATE docket.test_clock SET ahead = ahead + $1::interval', [interval]);
  const { rows } = await database.query<{ now: Date }>('SELECT docket.docket_now() AS now');
  if (!rows[0]) throw new Error('The database does not tell the time.');
  return rows[0].now;
}

async function createDatabase(statement: (name: string, run: TestRun) => string): Promise<TestDatabase> {
  const run = inject('testRun');
  const name = `${run.prefix}_${randomBytes(6).toString('hex')}`;
  await withAdmin(run.adminUrl, (client) => client.query(statement(name, run)));
  const drop = () => withAdmin(run.adminUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  return { url: urlOfDatabase(run.adminUrl, name), drop: async () => void (await drop()) };
}
