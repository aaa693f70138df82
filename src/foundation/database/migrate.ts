import { readdirSync, readFileSync } from 'node:fs';
import { Migration, Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import { installJobs } from '../jobs/install.ts';
import { SCHEMA, SERVICE_ROLE } from './names.ts';
import { type Sql, sqlOf } from './sql.ts';

const MIGRATIONS_FOLDER = new URL('./migrations/', import.meta.url);
/** Any number that no other program on the same database uses: instances starting at once wait here for each other. */
const MIGRATION_LOCK = 7_341_902_655_410_223n;

/** What a run found and did. */
export interface MigrationReport {
  readonly applied: readonly string[];
  /** Whether the service can run under a role of its own; false when the database user may not make roles. */
  readonly separateRole: boolean;
}

/**
 * Brings a database to the newest schema. Forward only, each migration in its transaction, safe when
 * several instances start at once: they queue on an advisory lock, and the late ones find nothing to do.
 * The user in `url` becomes the owner. Fails with the database's own error, leaving the last whole state.
 */
export async function migrate(options: { readonly url: string; readonly log?: (line: string) => void }): Promise<MigrationReport> {
  const orm = new MikroORM({
    clientUrl: options.url,
    entities: [],
    discovery: { warnWhenNoEntities: false },
    schema: SCHEMA,
    pool: { min: 0, max: 2 },
    driverOptions: { options: `-c search_path=${SCHEMA} -c statement_timeout=0` },
    logger: () => undefined,
    extensions: [Migrator],
    migrations: { tableName: 'migrations', snapshot: false, migrationsList: listMigrations() },
  });
  await orm.connect();
  try {
    return await orm.em.fork().transactional(async (em) => {
      const lock = sqlOf(em);
      await lock('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
      const sql = sqlOf(orm.em.fork());
      await assertVersion(sql);
      await sql(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`);
      const applied = (await orm.migrator.up()).map((migration) => migration.name);
      for (const name of applied) options.log?.(`migrated ${name}`);
      await installJobs(options.url);
      return { applied, separateRole: await grantServiceRole(sql) };
    });
  } finally {
    await orm.close(true);
  }
}

/**
 * Whether a database that must not be changed is at the newest schema, so that it can be read from.
 * @throws Error that says what is missing.
 */
export async function assertMigrated(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${SCHEMA}.migrations`).catch((error: { code?: string }) => {
      if (error.code === '42P01') return { rows: [] };
      throw error;
    });
    const done = new Set(rows.map(({ name }) => name));
    const missing = listMigrations().filter(({ name }) => !done.has(name));
    if (missing.length > 0)
      throw new Error(`the database is read-only and not at the newest schema: ${missing[0]?.name} is missing. Migrate it where it can be changed`);
  } finally {
    await client.end();
  }
}

/** Names of the migrations this release has, in order. */
export function listMigrations(): { name: string; class: new (...args: ConstructorParameters<typeof Migration>) => Migration }[] {
  const files = readdirSync(MIGRATIONS_FOLDER)
    .filter((file) => file.endsWith('.sql'))
    .sort();
  return files.map((file) => {
    const text = readFileSync(new URL(file, MIGRATIONS_FOLDER), 'utf8');
    return {
      name: file.replace(/\.sql$/, ''),
      class: class extends Migration {
        up(): void {
          this.addSql(text);
        }
      },
    };
  });
}

async function assertVersion(sql: Sql): Promise<void> {
  const [row] = await sql<{ number: string; text: string }>(
    `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS text`,
  );
  if (Number(row?.number) < 140_000) {
    throw new Error(`PostgreSQL 14 or newer is needed; this server is ${row?.text}`);
  }
}

/**
 * Makes the service's role and gives it what it needs and no more. Answers false, changing nothing,
 * where the database user has no right to make roles: then the triggers alone hold the log.
 */
async function grantServiceRole(sql: Sql): Promise<boolean> {
  const [found] = await sql<{ may_create: boolean; there: boolean }>(
    `SELECT (rolsuper OR rolcreaterole) AS may_create, EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS there FROM pg_roles WHERE rolname = current_user`,
    [SERVICE_ROLE],
  );
  if (!found?.there) {
    if (!found?.may_create) return false;
    // Roles belong to the whole server: another database's migration may make it at this moment.
    await sql(`DO $$ BEGIN CREATE ROLE ${SERVICE_ROLE} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`);
  }
  if (found?.may_create)
    await sql(
      `DO $$ BEGIN EXECUTE format('GRANT ${SERVICE_ROLE} TO %I', current_user); EXCEPTION WHEN insufficient_privilege OR unique_violation THEN NULL; END $$`,
    );
  const [member] = await sql<{ member: boolean }>(`SELECT pg_has_role(current_user, $1, 'MEMBER') AS member`, [SERVICE_ROLE]);
  if (!member?.member) return false;
  await sql(GRANTS);
  return true;
}

const GRANTS = `
GRANT USAGE ON SCHEMA ${SCHEMA}, pgboss TO ${SERVICE_ROLE};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${SCHEMA}, pgboss TO ${SERVICE_ROLE};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${SCHEMA}, pgboss TO ${SERVICE_ROLE};
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${SCHEMA}, pgboss TO ${SERVICE_ROLE};
DO $$
DECLARE
  kept record;
BEGIN
  -- The log is only read; seals are added, by the service itself.
  FOR kept IN SELECT c.oid::regclass AS name, c.relname LIKE 'sealed\\_entries%' OR c.relname = 'audit_seals' AS grows
    FROM pg_class c WHERE c.relnamespace = '${SCHEMA}'::regnamespace AND c.relkind IN ('r', 'p')
    AND (c.relname LIKE 'audit\\_entries%' OR c.relname LIKE 'sealed\\_entries%' OR c.relname IN ('audit_seals', 'migrations')) LOOP
    EXECUTE format('REVOKE %s ON %s FROM ${SERVICE_ROLE}', CASE WHEN kept.grows THEN 'UPDATE, DELETE' ELSE 'INSERT, UPDATE, DELETE' END, kept.name);
  END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION ${SCHEMA}.drop_audit_month(date), ${SCHEMA}.make_month(text, timestamp) FROM PUBLIC, ${SERVICE_ROLE};
REVOKE INSERT, UPDATE, DELETE ON ${SCHEMA}.erasures, ${SCHEMA}.dropped_months FROM ${SERVICE_ROLE};
REVOKE INSERT, UPDATE, DELETE ON ${SCHEMA}.eligibility_changes, ${SCHEMA}.agent_presence FROM ${SERVICE_ROLE};
REVOKE UPDATE, DELETE ON ${SCHEMA}.assignment_decisions, ${SCHEMA}.assignment_rounds, ${SCHEMA}.assignment_releases FROM ${SERVICE_ROLE};
`;
