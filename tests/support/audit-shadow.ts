import type { Reading } from './reading.ts';

/** The tables under audit, each with what its entries call it and the columns that identify a row. */
export const AUDITED = {
  settings: { entityType: 'settings', key: ['settings_id'] },
  groups: { entityType: 'group', key: ['group_id'] },
  agents: { entityType: 'agent', key: ['agent_id'] },
  memberships: { entityType: 'membership', key: ['group_id', 'agent_id'] },
  tickets: { entityType: 'ticket', key: ['ticket_id'] },
  service_tokens: { entityType: 'service_token', key: ['token_id'] },
  erasures: { entityType: 'erasure', key: ['erasure_id'] },
  operations: { entityType: 'operation', key: ['operation_id'] },
  dropped_months: { entityType: 'dropped_month', key: ['month'] },
} as const;

/**
 * Counts changes of the audited tables by means of its own: a trigger for each row, where the log has one
 * for each statement. From here on the two must tell the same.
 */
export async function installShadow(reading: Reading): Promise<void> {
  await reading.sql('CREATE TABLE shadow (entity_type text, entity_id text, operation text, version bigint, transaction_id xid8)');
  await reading.sql('GRANT INSERT ON shadow TO PUBLIC');
  for (const [table, { entityType, key }] of Object.entries(AUDITED)) {
    const id = (row: string) => key.map((column) => `${row}.${column}::text`).join(` || '/' || `);
    await reading.sql(`
      CREATE FUNCTION shadow_${table}() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP = 'DELETE' THEN
          INSERT INTO docket.shadow VALUES ('${entityType}', ${id('OLD')}, 'DELETE', OLD.version, pg_current_xact_id());
        ELSE
          INSERT INTO docket.shadow VALUES ('${entityType}', ${id('NEW')}, CASE TG_OP WHEN 'INSERT' THEN 'CREATE' ELSE TG_OP END, NEW.version, pg_current_xact_id());
        END IF;
        RETURN NULL;
      END $$;
      CREATE TRIGGER shadow AFTER INSERT OR UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION shadow_${table}()`);
  }
}

/** Changes that the log does not tell exactly as often as the shadow does, in the same transaction. */
export function differences(reading: Pick<Reading, 'sql'>): Promise<Record<string, unknown>[]> {
  return reading.sql(
    `SELECT entity_type, entity_id, operation, version::text, sum(logged)::integer AS too_many FROM (
       SELECT entity_type, entity_id, operation, version, transaction_id, 1 AS logged FROM audit_entries
         WHERE transaction_id >= (SELECT transaction_id FROM shadow ORDER BY transaction_id LIMIT 1)
       UNION ALL SELECT entity_type, entity_id, operation, version, transaction_id, -1 FROM shadow
     ) told GROUP BY entity_type, entity_id, operation, version, transaction_id HAVING sum(logged) <> 0`,
  );
}
