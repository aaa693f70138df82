import type { Group as GroupMessage } from '../../../../gen/ticketing/v1/group_pb.ts';
import { UpdateGroupResponseSchema } from '../../../../gen/ticketing/v1/group_service_pb.ts';
import { loneCommand } from '../../../foundation/commands/lone.ts';
import type { Caller } from '../../../foundation/context.ts';
import { InvalidField } from '../../../foundation/errors.ts';
import { assertEtag, nextVersion } from '../../../foundation/etag.ts';
import { GroupChangeDenied, GroupDeleted } from '../errors.ts';
import { groupRulesChanged } from '../events.ts';
import { toGroupMessage } from '../message.ts';
import { findPools } from '../pools.ts';
import { lockGroupToChange } from '../queries.ts';
import { assertCatchUpLimit, changesPolicy, groupChanges, groupChoices, touchesAssignment } from '../rules.ts';

/** A group with new values. */
export interface UpdateGroupInput {
  readonly caller: Caller;
  readonly group: GroupMessage;
  /** The fields to change, as `selectedFields` gives them. */
  readonly fields: ReadonlySet<string>;
  /** Whether the caller named the fields one by one, and so means nothing by the others. */
  readonly named: boolean;
}

/** Changes the chosen fields of a group. What others may now be given is given out in the same step, by those who hear of it. */
export const updateGroup = loneCommand<UpdateGroupInput, typeof UpdateGroupResponseSchema>({
  name: 'UpdateGroup',
  answer: UpdateGroupResponseSchema,
  pools: (sql, inputs) =>
    findPools(
      sql,
      inputs.map(({ group, fields }) => (touchesAssignment(fields) ? { groupIds: [group.groupId] } : {})),
    ),
  async plan(unit, { caller, group: asked, fields, named }) {
    const group = await lockGroupToChange(unit, caller, asked.groupId);
    if (group.deleteTime) throw new GroupDeleted(group.groupId);
    assertEtag('group', group.groupId, asked.etag, group.version);
    if (!named && asked.key !== '' && asked.key !== group.key) throw new InvalidField('group.key', 'never changes');
    const changes = groupChanges(group, groupChoices(asked, group.key), fields);
    assertCatchUpLimit('group.assignment_policy', changes.strategy ?? group.strategy, changes.catchUpLimit);
    if (changes.supervisorIds && !caller.roles.has('admin')) throw new GroupChangeDenied(group.groupId, 'only administrators change supervisor_ids');
    if (Object.keys(changes).length === 0) return { answer: { group: toGroupMessage(group) } };
    const policyChanged = changesPolicy(changes);
    const version = {
      ...nextVersion(unit.now, group),
      policyVersion: group.policyVersion + (policyChanged ? 1 : 0),
    };
    return {
      answer: { group: toGroupMessage({ ...group, ...changes, ...version }) },
      async write() {
        unit.em.assign(group, { ...changes, ...version });
        await unit.em.flush();
        if (policyChanged || changes.active) await unit.announce(groupRulesChanged, { groupId: group.groupId });
        return undefined;
      },
    };
  },
});
