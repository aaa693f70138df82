import { AssignmentStrategySchema } from '../../../../gen/ticketing/v1/assignment_policy_pb.ts';
import type { Group } from '../../../../gen/ticketing/v1/group_pb.ts';
import { GroupService } from '../../../../gen/ticketing/v1/group_service_pb.ts';
import { groupIdOf } from '../groups-by-key.ts';
import type { Column } from '../output/table.ts';
import type { FindService } from '../reach.ts';
import { shortNameOf } from '../rpc/choices.ts';
import { makeRpcCommand } from '../rpc/command.ts';
import { type Session, text, textOf, type Values } from '../rpc/session.ts';

/** Names one group. */
export const groupArgument = { type: 'positional', required: true, description: 'Its key, such as KYC, or its id' } as const;

/** The id of the group that the arguments name. */
export const groupIdIn = (values: Values, { client }: Session): Promise<string> => groupIdOf(client, textOf(values, 'group') ?? '');

const columns: Column<Group>[] = [
  { heading: 'KEY', of: ({ key }) => key },
  { heading: 'STATE', of: ({ active, deleteTime }) => (deleteTime ? 'DELETED' : active === false ? 'INACTIVE' : 'ACTIVE') },
  { heading: 'POLICY', of: ({ assignmentPolicy }) => shortNameOf(AssignmentStrategySchema, assignmentPolicy?.strategy ?? 0) },
  { heading: 'ZONE', of: ({ timeZone }) => timeZone },
  { heading: 'ID', of: ({ groupId }) => groupId },
  { heading: 'NAME', of: ({ name }) => name, cut: true },
];

/** `docket groups list` */
export const makeListCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: GroupService.method.listGroups,
    description: 'List groups with their keys, ids and policies',
    explanation: { examples: ['groups list', `groups list --filter 'name.startsWith("Risk")' -o yaml`] },
    args: {
      filter: text('A condition in CEL over the fields of a group', 'condition'),
      'order-by': text('Fields such as "key"', 'fields'),
      deleted: { type: 'boolean', description: 'Deleted ones too' },
    },
    columns,
    request: (values) => ({ filter: textOf(values, 'filter') ?? '', orderBy: textOf(values, 'order-by') ?? '', showDeleted: values['deleted'] === true }),
  });

/** `docket groups show GROUP` */
export const makeShowCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: GroupService.method.getGroup,
    description: 'Show a group with all its fields, its policy too',
    explanation: { examples: ['groups show KYC -o yaml'] },
    args: { group: groupArgument },
    request: async (values, session) => ({ groupId: await groupIdIn(values, session) }),
  });
