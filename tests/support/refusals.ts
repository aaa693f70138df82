/** An entry of the audit log that tells of refused calls. */
export interface RefusedEntry {
  readonly rpc: string;
  readonly request_id: string | null;
  readonly reason: string;
  readonly after: { readonly code: string; readonly error_reason: string; readonly count: number; readonly first_time: string; readonly last_time: string };
}

/** Reads those of one actor, or of all for '', oldest first; for whoever reads past Docket. */
export const REFUSED_ENTRIES = `SELECT * FROM docket.audit_entries WHERE operation = 'REFUSE' AND ($1 = '' OR actor = $1) ORDER BY entry_id`;

/** How many calls these entries stand for. */
export const callsIn = (entries: readonly RefusedEntry[]): number => entries.reduce((sum, { after }) => sum + after.count, 0);
