/** An audited table whose rows can be read as they were. */
export interface PastTable {
  /** Its name, which is the type of its rows too. */
  readonly table: string;
  readonly entityType: string;
  /** What its columns show whose value was erased from the log, as JSON. */
  readonly erased: string;
}

/** How a statement names one thing: SQL expressions. */
export interface PastThing {
  /** Its id in the log, text. */
  readonly id: string;
  /** Its present row, of the table's type; NULL when it is gone. */
  readonly present: string;
  /** The instant. */
  readonly at: string;
  /** What the row of the past is to be called. */
  readonly as: string;
}

/**
 * Joins to a thing its row as it was at an instant; all its columns are NULL when it was not there. That is what the first entry later than
 * the instant says it was before: what it is after, but for the columns that changed. Without such an entry it is the present row. One
 * descent of an index, however long the history.
 */
export function pastRow({ entityType, erased }: PastTable, { id, present, at, as }: PastThing): string {
  return `
    LEFT JOIN LATERAL (
      SELECT e.operation,
        (coalesce(e.after, '{}') - ARRAY(SELECT substr(field, 8) FROM unnest(e.erased_fields) field WHERE field LIKE 'before.%')) || e.before AS image
      FROM audit_entries e WHERE e.entity_type = '${entityType}' AND e.entity_id = ${id} AND e.time > ${at} ORDER BY e.entry_id LIMIT 1
    ) ${as}_later ON true
    CROSS JOIN LATERAL jsonb_populate_record(CASE WHEN ${as}_later.operation IS NULL THEN ${present} END, coalesce('${erased}' || ${as}_later.image, '{}')) ${as}`;
}
