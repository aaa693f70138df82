import { GroupSchema } from '../../../gen/ticketing/v1/group_pb.ts';
import type { DeleteGroupRequest, GroupService } from '../../../gen/ticketing/v1/group_service_pb.ts';
import type { Handlers } from '../../foundation/context.ts';
import { canonicalId, given } from '../../foundation/request.ts';
import { selectedFields } from '../../foundation/update-mask.ts';
import { settledInstant } from '../audit/index.ts';
import { createGroup } from './commands/create-group.ts';
import { deleteGroup } from './commands/delete-group.ts';
import { undeleteGroup } from './commands/undelete-group.ts';
import { updateGroup } from './commands/update-group.ts';
import type { Disposal } from './events.ts';
import { listGroups } from './list.ts';
import { toGroupMessage } from './message.ts';
import { getVisibleGroupAt } from './past.ts';
import { getVisibleGroup } from './queries.ts';
import { MUTABLE_GROUP_FIELDS } from './rules.ts';

/** The part of GroupService that needs nothing but groups; the members' part is in `agents`. */
export const groupHandlers: Pick<Handlers<typeof GroupService>, 'createGroup' | 'getGroup' | 'listGroups' | 'updateGroup' | 'deleteGroup' | 'undeleteGroup'> = {
  createGroup: (request, ctx) => ctx.carryOut(createGroup, { group: given('group', request.group) }),

  async getGroup(request, ctx) {
    const groupId = canonicalId(request.groupId);
    if (request.asOf) return { group: toGroupMessage(await getVisibleGroupAt(ctx, groupId, await settledInstant(ctx, request.asOf))) };
    return { group: toGroupMessage(await getVisibleGroup(ctx, groupId)) };
  },

  async listGroups(request, ctx) {
    const { items, nextPageToken } = await listGroups(ctx, request);
    return { groups: items, nextPageToken };
  },

  async updateGroup(request, ctx) {
    const group = given('group', request.group);
    const fields = selectedFields(GroupSchema, group, request.updateMask, MUTABLE_GROUP_FIELDS);
    const paths = request.updateMask?.paths ?? [];
    const named = paths.length > 0 && !paths.includes('*');
    return ctx.carryOut(updateGroup, { caller: ctx.caller, group: { ...group, groupId: canonicalId(group.groupId) }, fields, named });
  },

  deleteGroup: (request, ctx) => ctx.carryOut(deleteGroup, { groupId: canonicalId(request.groupId), etag: request.etag, disposal: disposalOf(request) }),

  undeleteGroup: (request, ctx) => ctx.carryOut(undeleteGroup, { groupId: canonicalId(request.groupId), etag: request.etag }),
};

function disposalOf(request: DeleteGroupRequest): Disposal | undefined {
  if (request.moveTicketsToGroupId !== '') return { moveTo: canonicalId(request.moveTicketsToGroupId) };
  return request.force ? 'cancel' : undefined;
}
