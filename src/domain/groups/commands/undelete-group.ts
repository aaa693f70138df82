import { UndeleteGroupResponseSchema } from '../../../../gen/ticketing/v1/group_service_pb.ts';
import { loneCommand } from '../../../foundation/commands/lone.ts';
import { assertEtag, nextVersion } from '../../../foundation/etag.ts';
import { GroupNotDeleted, GroupNotFound } from '../errors.ts';
import { groupRulesChanged } from '../events.ts';
import { toGroupMessage } from '../message.ts';
import { findPools } from '../pools.ts';
import { lockGroups } from '../queries.ts';

/** Brings a deleted group back as it was, with its members. */
export const undeleteGroup = loneCommand<{ readonly groupId: string; readonly etag: string }, typeof UndeleteGroupResponseSchema>({
  name: 'UndeleteGroup',
  answer: UndeleteGroupResponseSchema,
  pools: (sql, inputs) =>
    findPools(
      sql,
      inputs.map(({ groupId }) => ({ groupIds: [groupId] })),
    ),
  async plan(unit, { groupId, etag }) {
    const group = (await lockGroups(unit, [groupId])).get(groupId);
    if (!group) throw new GroupNotFound(groupId);
    if (!group.deleteTime) throw new GroupNotDeleted(groupId);
    assertEtag('group', groupId, etag, group.version);
    const changes = { deleteTime: null, ...nextVersion(unit.now, group) };
    return {
      answer: { group: toGroupMessage({ ...group, ...changes }) },
      async write() {
        unit.em.assign(group, changes);
        await unit.em.flush();
        await unit.announce(groupRulesChanged, { groupId });
        return undefined;
      },
    };
  },
});
