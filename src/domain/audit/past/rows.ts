/** An audited table whose rows can be read as they were. */
export interface PastTable {
  /** Its name, which is the type of its rows too. */
  readonly table: string;
  readonly entityType: string;
  /** Its key as the log writes it, of a row called `q`. */
  readonly id: string;
  /** Columns that are not in the log, as an array. */
  readonly hidden: string;
  /** What its columns show whose value was erased from the log, as JSON. */
  readonly erased: string;
}

const TABLES = {
  tickets: {
    table: 'tickets',
    entityType: 'ticket',
    id: 'q.ticket_id::text',
    hidden: '{last_request}',
    erased: '{"user_id":0,"title":"","description":"","attributes":{},"labels":[],"external_references":[]}',
  },
  agents: { table: 'agents', entityType: 'agent', id: 'q.agent_id', hidden: '{}', erased: '{"display_name":"","email":""}' },
  groups: { table: 'groups', entityType: 'group', id: 'q.group_id::text', hidden: '{}', erased: '{"description":""}' },
  memberships: { table: 'memberships', entityType: 'membership', id: `q.group_id::text || '/' || q.agent_id`, hidden: '{}', erased: '{}' },
  settings: { table: 'settings', entityType: 'settings', id: 'q.settings_id::text', hidden: '{}', erased: '{}' },
} as const satisfies Record<string, PastTable>;

/** A table whose past can be asked for. */
export type PastTableName = keyof typeof TABLES;

/** What is known of it. */
export const pastTable = (name: PastTableName): PastTable => TABLES[name];

/**
 * SQL of an instant that is the parameter of that number, hidden from the planner: where statistics say that few entries are later than it, which those of a
 * busy day do until they are gathered again, it would go through all of these for each thing.
 */
export const hiddenInstant = (parameter: number): string => `(SELECT $${parameter}::timestamptz)`;

/** How a statement names one thing: SQL expressions. */
export interface PastThing {
  /** Its id in the log, text. */
  readonly id: string;
  /** Its present row, of the table's type; NULL when it is gone. */
  readonly present: string;
  /** The instant: a column, or `hiddenInstant`. */
  readonly at: string;
  /** What the row of the past is to be called. */
  readonly as: string;
}

/**
 * SQL that joins to a thing its row as it was at an instant; all its columns are NULL when it was not there. That is what the first entry later
 * than the instant says it was before: what it is after, but for the columns that changed. Without such an entry it is the present row. One
 * descent of an index, however long the history. A value that was erased is missing on both sides of an entry.
 */
export function pastRow(name: PastTableName, { id, present, at, as }: PastThing): string {
  const { entityType, erased } = TABLES[name];
  return `
    LEFT JOIN LATERAL (
      SELECT e.operation, coalesce(e.after, '{}') || e.before AS image
      FROM audit_entries e WHERE e.entity_type = '${entityType}' AND e.entity_id = ${id} AND e.time > ${at} ORDER BY e.entry_id LIMIT 1
    ) ${as}_later ON true
    CROSS JOIN LATERAL jsonb_populate_record(CASE WHEN ${as}_later.operation IS NULL THEN ${present} END, coalesce('${erased}' || ${as}_later.image, '{}')) ${as}`;
}

/** SQL of the entries that tell of rows that were removed after an instant: `e`, after FROM. */
export const removedSince = (name: PastTableName, at: string): string =>
  `audit_entries e WHERE e.operation = 'DELETE' AND e.entity_type = '${TABLES[name].entityType}' AND e.time > ${at}`;

/** Which rows, SQL too. */
export interface PastRows {
  /** The instant: `hiddenInstant`. */
  readonly at: string;
  /** What the rows of the past are to be called. */
  readonly as: string;
  readonly where?: string;
  /** Columns that never change, by which the rows come in order. */
  readonly inOrder?: string;
}

/**
 * SQL after FROM: the rows of a table as they were at an instant, those among them that were removed since, and rows of NULL for those that were not there
 * yet; beside them, as `…_known`, the columns as they are or were when the row was removed. `where` leaves out others by what never changes about them: a condition on `q`, which is the row as it is, or as it was when it was removed.
 */
export function pastRows(name: PastTableName, { at, as, where = 'true', inOrder }: PastRows): string {
  const { table, id } = TABLES[name];
  return `(
      SELECT q.*, ${id} AS past_id, q AS present FROM ${table} q WHERE ${where} AND ${id} <> ALL (ARRAY(SELECT e.entity_id FROM ${removedSince(name, at)}))
      UNION ALL
      SELECT q.*, removed.id, NULL FROM (SELECT DISTINCT ON (e.entity_id) e.entity_id AS id, e.before FROM ${removedSince(name, at)} ORDER BY e.entity_id, e.entry_id) removed
      CROSS JOIN LATERAL jsonb_populate_record(NULL::${table}, removed.before) q WHERE ${where}
      ${inOrder ? `ORDER BY ${inOrder}` : ''}
    ) ${as}_known
    ${pastRow(name, { id: `${as}_known.past_id`, present: `${as}_known.present`, at, as })}`;
}
