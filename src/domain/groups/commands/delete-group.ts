import { Int32ValueSchema } from '@bufbuild/protobuf/wkt';
import { DeleteGroupResponseSchema } from '../../../../gen/ticketing/v1/group_service_pb.ts';
import type { Unit } from '../../../foundation/commands/command.ts';
import { loneCommand } from '../../../foundation/commands/lone.ts';
import { assertEtag, nextVersion } from '../../../foundation/etag.ts';
import type { Group, GroupRow } from '../entity.ts';
import { GroupDeleted, GroupHasPendingTickets, GroupNotFound, MoveTargetInvalid } from '../errors.ts';
import { type Disposal, groupClosed, TICKETS_PER_STEP } from '../events.ts';
import { toGroupMessage } from '../message.ts';
import { findPools } from '../pools.ts';
import { countPendingTickets, lockGroups } from '../queries.ts';

/** A group to delete, and what becomes of its pending tickets; undefined when the caller did not say. */
export interface DeleteGroupInput {
  readonly groupId: string;
  readonly etag: string;
  readonly disposal: Disposal | undefined;
}

/** What is left to do of a deletion with more tickets than one transaction takes. */
export interface GroupDeletion {
  readonly groupId: string;
  readonly disposal: Disposal;
  /** Whether the group was active before, and is again once it is brought back. */
  readonly active: boolean;
}

/** Name of the job that finishes such a deletion. */
export const FINISH_DELETING_GROUP = 'finish-deleting-group';

const poolNeed = ({ groupId, disposal }: { readonly groupId: string; readonly disposal: Disposal | undefined }) => ({
  groupIds: typeof disposal === 'object' ? [groupId, disposal.moveTo] : [groupId],
});

/**
 * Deletes a group and disposes of its pending tickets in the same step. With more than `TICKETS_PER_STEP`
 * of them it only closes: a job goes on, and sets the time of deletion with the last.
 */
export const deleteGroup = loneCommand<DeleteGroupInput, typeof DeleteGroupResponseSchema>({
  name: 'DeleteGroup',
  answer: DeleteGroupResponseSchema,
  pools: (sql, inputs) => findPools(sql, inputs.map(poolNeed)),
  async plan(unit, { groupId, etag, disposal }) {
    const groups = await lockGroups(unit, poolNeed({ groupId, disposal }).groupIds);
    const group = groups.get(groupId);
    if (!group) throw new GroupNotFound(groupId);
    if (group.deleteTime) throw new GroupDeleted(groupId);
    assertEtag('group', groupId, etag, group.version);
    if (typeof disposal === 'object') assertMoveTarget(groupId, disposal.moveTo, groups.get(disposal.moveTo));
    const pending = await countPendingTickets(unit.sql, groupId);
    if (pending > 0 && !disposal) throw new GroupHasPendingTickets(groupId, pending);
    const next = nextState(unit, group, pending, group.active);
    return {
      answer: { group: toGroupMessage(next) },
      async write() {
        const remains: GroupDeletion | undefined = disposal && !next.deleteTime ? { groupId, disposal, active: group.active } : undefined;
        await takeStep(unit, group, next, pending > 0 ? disposal : undefined);
        if (remains) await unit.enqueue(FINISH_DELETING_GROUP, remains);
        return undefined;
      },
    };
  },
});

/** One more step of a deletion under way; answers how many tickets are left. Safe to repeat: a deleted group is left alone. */
export const continueDeletingGroup = loneCommand<GroupDeletion, typeof Int32ValueSchema>({
  name: 'ContinueDeletingGroup',
  answer: Int32ValueSchema,
  pools: (sql, inputs) => findPools(sql, inputs.map(poolNeed)),
  async plan(unit, { groupId, disposal, active }) {
    const groups = await lockGroups(unit, poolNeed({ groupId, disposal }).groupIds);
    const group = groups.get(groupId);
    if (!group || group.deleteTime) return { answer: { value: 0 } };
    if (typeof disposal === 'object' && groups.get(disposal.moveTo)?.deleteTime) throw new MoveTargetInvalid(disposal.moveTo, 'was deleted meanwhile');
    const pending = await countPendingTickets(unit.sql, groupId);
    const next = nextState(unit, group, pending, active);
    return {
      answer: { value: pending },
      write: async () => ({ value: await takeStep(unit, group, next, pending > 0 ? disposal : undefined) }),
    };
  },
});

function assertMoveTarget(groupId: string, targetId: string, target: Group | undefined): void {
  if (targetId === groupId) throw new MoveTargetInvalid(targetId, 'is the group to delete');
  if (!target || target.deleteTime || !target.active) throw new MoveTargetInvalid(targetId, 'is no active group');
}

/** Deleted, when one step takes all the tickets that are left; else closed. */
function nextState(unit: Unit, group: Group, pending: number, activeAfterwards: boolean): GroupRow {
  const whole = pending <= TICKETS_PER_STEP;
  if (!whole && !group.active) return group;
  const raised = { ...nextVersion(unit.now, group) };
  return whole ? { ...group, ...raised, active: activeAfterwards, deleteTime: unit.now } : { ...group, ...raised, active: false };
}

async function takeStep(unit: Unit, group: Group, next: GroupRow, disposal: Disposal | undefined): Promise<number> {
  if (next !== group) unit.em.assign(group, next);
  await unit.em.flush();
  if (!disposal) return 0;
  const fact = { groupId: group.groupId, disposal, left: 0 };
  await unit.announce(groupClosed, fact);
  if (next.deleteTime && fact.left > 0) throw new Error(`the deleted group ${group.groupId} has ${fact.left} pending tickets left`);
  return fact.left;
}
