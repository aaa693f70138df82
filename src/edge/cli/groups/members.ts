import { AvailabilitySchema } from '../../../../gen/ticketing/v1/agent_pb.ts';
import type { GroupMember } from '../../../../gen/ticketing/v1/group_member_pb.ts';
import { GroupService } from '../../../../gen/ticketing/v1/group_service_pb.ts';
import { type Column, timeText } from '../output/table.ts';
import type { FindService } from '../reach.ts';
import { shortNameOf } from '../rpc/choices.ts';
import { makeRpcCommand } from '../rpc/command.ts';
import type { Values } from '../rpc/session.ts';
import { groupArgument, groupIdIn } from './read.ts';

const columns: Column<GroupMember>[] = [
  { heading: 'AGENT', of: ({ agentId }) => agentId },
  { heading: 'AVAILABILITY', of: ({ availability }) => shortNameOf(AvailabilitySchema, availability) },
  { heading: 'HANDICAP', of: ({ handicap }) => `${handicap}` },
  { heading: 'JOINED', of: ({ joinTime }) => timeText(joinTime) },
  { heading: 'NAME', of: ({ displayName }) => displayName, cut: true },
];

const agents = { type: 'positional', required: true, description: 'Ids of agents' } as const;

/** The first argument is the group. */
const agentIdsIn = (values: Values): string[] => values._.slice(1);

/** `docket groups members GROUP` */
export const makeMembersCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: GroupService.method.listGroupMembers,
    description: 'List who works in a group',
    explanation: {
      examples: ['groups members KYC'],
      more: 'HANDICAP: tickets that count as given to him today, in the choice of this group only, because he came late and the policy limits how many he may catch up (--catch-up). 0 for most; it ends with the business day.',
    },
    args: { group: groupArgument },
    columns,
    request: async (values, session) => ({ groupId: await groupIdIn(values, session) }),
  });

/** `docket groups add GROUP AGENT …` */
export const makeAddCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: GroupService.method.addGroupMembers,
    description: 'Add agents to a group; tickets that wait in it are given out',
    explanation: { examples: ['groups add KYC ada grace'], repeats: true },
    args: { group: groupArgument, agents },
    request: async (values, session) => ({ groupId: await groupIdIn(values, session), agentIds: agentIdsIn(values) }),
  });

/** `docket groups remove GROUP AGENT …` */
export const makeRemoveCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: GroupService.method.removeGroupMembers,
    description: 'Remove agents from a group; their pending tickets of that group are dealt out',
    explanation: { examples: ['groups remove KYC ada'], repeats: true },
    args: { group: groupArgument, agents },
    request: async (values, session) => ({ groupId: await groupIdIn(values, session), agentIds: agentIdsIn(values) }),
  });
