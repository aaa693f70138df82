import { Int32ValueSchema } from '@bufbuild/protobuf/wkt';
import { microsOf } from '../../foundation/clock.ts';
import type { Unit } from '../../foundation/commands/command.ts';
import { assertPoolsHeld, loneCommand } from '../../foundation/commands/lone.ts';
import { isAutomatic, loadRoster, type RosterGroup, relaxes } from '../assignment/index.ts';
import { findPools } from '../groups/index.ts';
import { loadRelaxed } from './load.ts';
import { type DueRelaxation, setNextRelaxations } from './relaxation.ts';
import { openTicketWork } from './work.ts';
import { writeTickets } from './write.ts';

/** Longest wait that is answered, in seconds: a day. */
const MAX_WAIT_SECONDS = 86_400;

/**
 * Puts the waiting of a group's tickets into effect: whatever has reached another level is given out, if somebody can take it now, and
 * the next instant is set. Answers 0, or in how many seconds (at most a day) to come back when it is not time yet.
 */
export const relaxSkills = loneCommand<DueRelaxation, typeof Int32ValueSchema>({
  name: 'RelaxSkills',
  answer: Int32ValueSchema,
  pools: (sql, inputs) =>
    findPools(
      sql,
      inputs.map(({ groupId }) => ({ groupIds: [groupId] })),
    ),
  async plan(unit, { groupId, dueTime }) {
    const [poolIds = []] = await findPools(unit.sql, [{ groupIds: [groupId] }]);
    assertPoolsHeld(unit, poolIds);
    const [due] = await unit.sql<{ is_this: boolean }>('SELECT next_time = $2::timestamptz AS is_this FROM group_relaxations WHERE group_id = $1', [
      groupId,
      dueTime,
    ]);
    if (!due?.is_this) return { answer: { value: 0 } };
    const waitSeconds = Math.ceil((microsOf(dueTime) - microsOf(unit.now)) / 1_000_000);
    if (waitSeconds > 0) return { answer: { value: Math.min(waitSeconds, MAX_WAIT_SECONDS) } };
    return {
      answer: { value: 0 },
      async write() {
        const group = (await loadRoster(unit)).groups.get(groupId);
        if (!group) throw new Error(`group ${groupId} has no pool`);
        await giveOutRelaxed(unit, group);
        await unit.sql('UPDATE group_relaxations SET next_time = NULL WHERE group_id = $1', [groupId]);
        await setNextRelaxations(unit, [group]);
        return undefined;
      },
    };
  },
});

async function giveOutRelaxed(unit: Unit, group: RosterGroup): Promise<void> {
  if (!isAutomatic(group) || !relaxes(group.policy)) return;
  const rows = await loadRelaxed(unit, group);
  if (rows.length === 0) return;
  const work = await openTicketWork(unit, rows.length, rows);
  work.handOut(unit.requestKey);
  await unit.sql('UPDATE group_relaxations SET effective_time = greatest(effective_time, $2) WHERE group_id = $1', [group.groupId, unit.now]);
  await writeTickets(work);
}
