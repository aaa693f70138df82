import { type Instant, instantOf, microsOf } from '../../foundation/clock.ts';
import type { Unit } from '../../foundation/commands/command.ts';
import { isAutomatic, nextRelaxationMicros, type RosterGroup, relaxes } from '../assignment/index.ts';
import { findNextRelaxations } from './load.ts';
import type { TicketWork } from './work.ts';

/** What waits in a group reaches its next level at an instant; another instant set since makes this one void. */
export interface DueRelaxation {
  readonly groupId: string;
  readonly dueTime: Instant;
}

/** Name of the job that gives out what has become possible by waiting alone. */
export const RELAX_SKILLS = 'relax-skills';
/** A job that should have run so long ago is taken for lost, and replaced. */
const LOST_AFTER = '1 hour';

/** Sees to it that somebody comes back when what waits in these groups reaches its next level. */
export async function setNextRelaxations(unit: Unit, groups: readonly RosterGroup[]): Promise<void> {
  const relaxing = groups.filter((group) => isAutomatic(group) && relaxes(group.policy));
  await setDue(unit, await findNextRelaxations(unit, relaxing));
}

/** The same for the tickets that a plan made wait. */
export async function setRelaxationsOf(work: TicketWork): Promise<void> {
  const nowMicros = microsOf(work.unit.now);
  const soonest = new Map<string, number>();
  for (const row of work.dirtyWaiting) {
    const group = work.roster.groups.get(row.group_id);
    if (!group || !isAutomatic(group) || !relaxes(group.policy)) continue;
    const next = nextRelaxationMicros(group, row.wait_start_time, nowMicros);
    if (next !== undefined) soonest.set(group.groupId, Math.min(next, soonest.get(group.groupId) ?? Infinity));
  }
  await setDue(work.unit, new Map([...soonest].map(([groupId, micros]) => [groupId, instantOf(micros)])));
}

/** One job for each group at a time, for its soonest instant: a later one is left to the job that comes before it. */
async function setDue(unit: Unit, due: ReadonlyMap<string, Instant>): Promise<void> {
  if (due.size === 0) return;
  const rows = await unit.sql<{ group_id: string; next_time: Instant }>(
    `INSERT INTO group_relaxations AS r (group_id, next_time) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
     ON CONFLICT (group_id) DO UPDATE SET next_time = excluded.next_time
       WHERE r.next_time IS NULL OR r.next_time > excluded.next_time OR r.next_time < $3::timestamptz - interval '${LOST_AFTER}'
     RETURNING group_id, next_time::text`,
    [[...due.keys()], [...due.values()], unit.now],
  );
  for (const row of rows) {
    await unit.enqueue(RELAX_SKILLS, { groupId: row.group_id, dueTime: row.next_time } satisfies DueRelaxation, { startAfter: row.next_time });
  }
}
