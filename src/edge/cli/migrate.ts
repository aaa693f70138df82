import { defineCommand } from 'citty';
import { Client } from 'pg';
import { type MigrationState, readMigrationState } from '../../foundation/database/migration-state.ts';
import { note, printResult } from './output/print.ts';
import { tableOf } from './rpc/answer.ts';
import { explained } from './running/command.ts';
import { EXIT } from './running/failures.ts';

/** What the commands need of this machine. */
export interface MigrateCommandDeps {
  /** Where the database is; the embedded one is started. */
  findDatabase(): Promise<{ readonly url: string; close(): Promise<void> }>;
  /** Brings it to the newest schema; answers the names of the migrations that ran. */
  migrateDatabase(url: string): Promise<readonly string[]>;
}

/** `docket migrate plan|up|status` */
export function makeMigrateCommand(deps: MigrateCommandDeps) {
  const onDatabase = async (work: (url: string) => Promise<void>): Promise<void> => {
    const place = await deps.findDatabase();
    try {
      await work(place.url);
    } finally {
      await place.close();
    }
  };
  const plan = defineCommand({
    meta: { description: 'Show what `up` would run. Changes nothing' },
    run: () =>
      onDatabase(async (url) => {
        const { pending, unknown } = await stateOf(url);
        if (unknown.length > 0) return tellNewer(unknown);
        await printResult(pending.length === 0 ? UP_TO_DATE : `${pending.map((name) => `${name}\n`).join('')}`);
      }),
  });
  const up = defineCommand({
    meta: { description: 'Bring the database to the newest schema, as every start of the service does' },
    run: () =>
      onDatabase(async (url) => {
        const { unknown } = await stateOf(url);
        if (unknown.length > 0) return tellNewer(unknown);
        const applied = await deps.migrateDatabase(url);
        await printResult(applied.length === 0 ? UP_TO_DATE : `${applied.map((name) => `migrated ${name}\n`).join('')}${UP_TO_DATE}`);
      }),
  });
  const status = defineCommand({
    meta: { description: 'List the migrations that ran, with their times, and those that would. Exit code 1 if any would' },
    run: () =>
      onDatabase(async (url) => {
        const { applied, pending, unknown } = await stateOf(url);
        const rows = [
          ...applied.map(({ name, time }) => [name, unknown.includes(name) ? 'unknown to this release' : 'applied', time.toISOString().replace(/\.\d+/, '')]),
          ...pending.map((name) => [name, 'pending', '']),
        ];
        await printResult(`${tableOf(['MIGRATION', 'STATE', 'TIME'], rows)}\n`);
        process.exitCode = pending.length + unknown.length > 0 ? EXIT.refused : EXIT.done;
      }),
  });
  return defineCommand({
    meta: { description: 'Bring the database to the newest schema, forward only. Safe while others do the same' },
    subCommands: {
      plan: explained({ examples: ['migrate plan'] }, plan),
      up: explained({ examples: ['migrate up'] }, up),
      status: explained({ examples: ['migrate status'] }, status),
    },
  });
}

const UP_TO_DATE = 'The database is at the newest schema.\n';

function tellNewer(unknown: readonly string[]): void {
  note(`The database is newer than this release: it has ${unknown.join(', ')}. Use the release that made it, or a newer one; there is no way back.`);
  process.exitCode = EXIT.refused;
}

/** As long as a database may take to answer, in milliseconds. */
const PATIENCE_MS = 10_000;

async function stateOf(url: string): Promise<MigrationState> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: PATIENCE_MS });
  await client.connect();
  try {
    return await readMigrationState(client);
  } finally {
    await client.end();
  }
}
