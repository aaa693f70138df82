import type { Client } from 'pg';
import { isTimeZone } from '../../../foundation/clock.ts';
import { type MigrationState, readMigrationState } from '../../../foundation/database/migration-state.ts';
import { SCHEMA, SERVICE_ROLE } from '../../../foundation/database/names.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';

/** More than this between the clock of this machine and the database's is too much. */
const MAX_SKEW_MS = 1_000;

/** Fewer months than this with partitions of their own are too few. */
const MIN_MONTHS_AHEAD = 2;

/** Seals are made twice a second. */
const MAX_SEALING_LAG_SECONDS = 60;

/** Everything that the database itself tells. Changes nothing. */
export async function examineDatabase(client: Client): Promise<Finding[]> {
  const state = await readMigrationState(client);
  const schema = schemaFinding(state);
  // The rest is asked of tables of this release.
  if (schema.state !== 'ok') return [schema];
  return [
    schema,
    await roleFinding(client),
    await clockFinding(client),
    await zoneFinding(client),
    await partitionFinding(client),
    await sealingFinding(client),
  ];
}

function schemaFinding({ applied, pending, unknown }: MigrationState): Finding {
  if (unknown.length > 0)
    return wrong(
      'migrations',
      `the database is newer than this release: it has ${unknown.join(', ')}`,
      'use the release that made it, or a newer one; there is no way back',
    );
  if (pending.length > 0) {
    const lacking = applied.length === 0 ? 'the database is empty' : `the database lacks ${pending.join(', ')}`;
    return wrong('migrations', lacking, 'docket migrate up, or start the service: it does so by itself');
  }
  return ok('migrations', `all ${applied.length} are applied`);
}

/** Whether the service can alter the log that it writes. */
async function roleFinding(client: Client): Promise<Finding> {
  const { rows } = await client.query<{ member: boolean; writes: boolean }>(
    `SELECT coalesce((SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = $1), false) AS member,
       coalesce((SELECT has_table_privilege(oid, $2, 'INSERT, UPDATE, DELETE, TRUNCATE') FROM pg_roles WHERE rolname = $1), false) AS writes`,
    [SERVICE_ROLE, `${SCHEMA}.audit_entries`],
  );
  if (!rows[0]?.member)
    return warning(
      'audit log',
      'the database user may not take a role of its own: triggers alone keep the audit log as it is',
      `let him make roles (ALTER ROLE … CREATEROLE) and migrate anew, or make ${SERVICE_ROLE} for him and grant it`,
    );
  if (rows[0].writes)
    return wrong(
      'audit log',
      `the role ${SERVICE_ROLE} may write the audit log`,
      `REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ${SCHEMA}.audit_entries FROM ${SERVICE_ROLE}`,
    );
  return ok('audit log', 'the service can read it, not write it');
}

async function clockFinding(client: Client): Promise<Finding> {
  const sentMs = Date.now();
  const { rows } = await client.query<{ ms: number }>('SELECT (extract(epoch FROM docket_now()) * 1000)::float8 AS ms');
  const receivedMs = Date.now();
  const skewMs = Math.round((rows[0]?.ms ?? 0) - (sentMs + receivedMs) / 2);
  // The answer may have been read at any moment of the journey.
  if (Math.abs(skewMs) <= MAX_SKEW_MS + (receivedMs - sentMs) / 2)
    return ok('clock', `the clocks of this machine and of the database are ${Math.abs(skewMs)} ms apart`);
  const apart = `the database's clock is ${(Math.abs(skewMs) / 1000).toFixed(1)} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's`;
  return wrong('clock', apart, 'let both follow the same time servers (timedatectl, chrony); deadlines and tokens go by this machine, tickets by the database');
}

async function zoneFinding(client: Client): Promise<Finding> {
  const { rows } = await client.query<{ zone: string; known: boolean }>(
    'SELECT business_time_zone AS zone, EXISTS (SELECT FROM pg_timezone_names WHERE name = business_time_zone) AS known FROM settings',
  );
  const [setting] = rows;
  if (setting?.known && isTimeZone(setting.zone)) return ok('zone', `business days are counted in ${setting.zone}`);
  return wrong(
    'zone',
    `business days are counted in ${JSON.stringify(setting?.zone)}, which ${setting?.known ? 'Node' : 'PostgreSQL'} does not know`,
    'docket business-zone ZONE, with an IANA name such as Europe/Lisbon',
  );
}

async function partitionFinding(client: Client): Promise<Finding> {
  const { rows } = await client.query<{ ahead: number; stray: boolean }>(
    `SELECT (SELECT count(*)::int FROM pg_inherits i WHERE i.inhparent = 'audit_entries'::regclass
         AND right(i.inhrelid::regclass::text, 7) > to_char(docket_now() AT TIME ZONE 'UTC', 'YYYY_MM') AND i.inhrelid::regclass::text !~ 'default$') AS ahead,
       EXISTS (SELECT FROM audit_entries_default) AS stray`,
  );
  const { ahead = 0, stray = false } = rows[0] ?? {};
  const cure = 'start a service: it makes them each day. If one runs, see its log for make-audit-partitions';
  if (stray) return wrong('partitions', 'entries of the audit log are in the default partition, because their month had none', cure);
  return ahead >= MIN_MONTHS_AHEAD ? ok('partitions', `made for ${ahead} months ahead`) : wrong('partitions', `made for ${ahead} months ahead only`, cure);
}

async function sealingFinding(client: Client): Promise<Finding> {
  const { rows } = await client.query<{ waited: number | null }>(
    `SELECT extract(epoch FROM docket_now() - min(time))::float8 AS waited FROM audit_entries e
     WHERE time > docket_now() - interval '2 days' AND NOT EXISTS (SELECT FROM sealed_entries s WHERE s.entry_id = e.entry_id)`,
  );
  const waited = rows[0]?.waited ?? 0;
  if (waited <= MAX_SEALING_LAG_SECONDS) return ok('sealing', 'the audit log is sealed up to the last minute');
  return warning(
    'sealing',
    `entries of the audit log have waited for a seal for ${Math.round(waited)} s`,
    'start a service; if one runs, see its log, and the database for a transaction that never ends (pg_stat_activity)',
  );
}
