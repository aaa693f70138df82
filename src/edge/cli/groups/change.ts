import { GroupService } from '../../../../gen/ticketing/v1/group_service_pb.ts';
import { groupIdOf } from '../groups-by-key.ts';
import type { FindService } from '../reach.ts';
import { makeRpcCommand } from '../rpc/command.ts';
import { text, textOf } from '../rpc/session.ts';
import { groupArgument, groupIdIn } from './read.ts';

/** `docket groups create KEY` */
export const makeCreateCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: GroupService.method.createGroup,
    description: 'Make a group; its policy is the usual one until it is changed by UpdateGroup',
    explanation: { examples: ['groups create KYC --name "Know your customer" --zone Europe/Lisbon'] },
    args: {
      group: { type: 'positional', required: true, description: 'Its key: 1-16 of A-Z and 0-9. It never changes' },
      name: text('What people call it', 'text'),
      description: text('What it does', 'text'),
      zone: text('Its time zone, such as Europe/Lisbon', 'zone'),
    },
    request: (values) => ({
      group: {
        key: textOf(values, 'group') ?? '',
        name: textOf(values, 'name') ?? '',
        description: textOf(values, 'description') ?? '',
        timeZone: textOf(values, 'zone') ?? '',
      },
    }),
  });

/** `docket groups delete GROUP` */
export const makeDeleteCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: GroupService.method.deleteGroup,
    description: 'Delete a group. With pending tickets it says what becomes of them, or is refused',
    explanation: { examples: ['groups delete KYC --move-tickets-to RISK', 'groups delete KYC --cancel-tickets'] },
    args: {
      group: groupArgument,
      'move-tickets-to': text('Its pending tickets go to this group', 'key|id'),
      'cancel-tickets': { type: 'boolean', description: 'Its pending tickets are cancelled' },
    },
    async request(values, session) {
      const target = textOf(values, 'move-tickets-to');
      return {
        groupId: await groupIdIn(values, session),
        moveTicketsToGroupId: target === undefined ? '' : await groupIdOf(session.client, target),
        force: values['cancel-tickets'] === true,
      };
    },
  });

/** `docket groups undelete GROUP` */
export const makeUndeleteCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: GroupService.method.undeleteGroup,
    description: 'Take a deleted group back',
    explanation: { examples: ['groups undelete KYC'] },
    args: { group: groupArgument },
    request: async (values, session) => ({ groupId: await groupIdIn(values, session) }),
  });
