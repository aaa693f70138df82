import type { Group as GroupMessage } from '../../../../gen/ticketing/v1/group_pb.ts';
import { CreateGroupResponseSchema } from '../../../../gen/ticketing/v1/group_service_pb.ts';
import type { Unit } from '../../../foundation/commands/command.ts';
import { loneCommand } from '../../../foundation/commands/lone.ts';
import { newId } from '../../../foundation/ids.ts';
import { Group, type GroupRow } from '../entity.ts';
import { GroupAlreadyExists, GroupDeletedExists } from '../errors.ts';
import { toGroupMessage } from '../message.ts';
import { createPool } from '../pools.ts';
import { assertCatchUpLimit, groupChoices } from '../rules.ts';

/** Creates a group, with a pool of its own and its ticket counter. Administrators only, by the contract's permission. */
export const createGroup = loneCommand<{ readonly group: GroupMessage }, typeof CreateGroupResponseSchema>({
  name: 'CreateGroup',
  answer: CreateGroupResponseSchema,
  async plan(unit, { group: asked }) {
    const choices = groupChoices(asked, asked.key);
    assertCatchUpLimit('group.assignment_policy', choices.strategy, choices.catchUpLimit);
    await assertKeyFree(unit, asked.key);
    const row: GroupRow = {
      ...choices,
      groupId: newId(),
      key: asked.key,
      policyVersion: 1,
      version: 1,
      createTime: unit.now,
      updateTime: unit.now,
      deleteTime: null,
    };
    return {
      answer: { group: toGroupMessage(row) },
      async write() {
        unit.em.persist(unit.em.create(Group, row));
        await unit.em.flush();
        await createPool(unit.sql, row.groupId);
        await unit.sql('INSERT INTO group_counters (group_id) VALUES ($1)', [row.groupId]);
        return undefined;
      },
    };
  },
});

/** Two that choose the same key at once: the second runs into the unique index, starts over, and finds the first here. */
async function assertKeyFree(unit: Unit, key: string): Promise<void> {
  const taken = await unit.em.findOne(Group, { key });
  if (!taken) return;
  throw taken.deleteTime ? new GroupDeletedExists(key, taken.groupId) : new GroupAlreadyExists(key, taken.groupId);
}
