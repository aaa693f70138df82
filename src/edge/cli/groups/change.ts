import type { MessageInitShape } from '@bufbuild/protobuf';
import { type AssignmentPolicySchema, AssignmentStrategySchema } from '../../../../gen/ticketing/v1/assignment_policy_pb.ts';
import type { GroupSchema } from '../../../../gen/ticketing/v1/group_pb.ts';
import { GroupService } from '../../../../gen/ticketing/v1/group_service_pb.ts';
import { groupIdOf } from '../groups-by-key.ts';
import type { FindService } from '../reach.ts';
import { choicesOf, chosen, listed, maskOf, skillLevels, spanSeconds, wholeNumber } from '../rpc/choices.ts';
import { makeRpcCommand } from '../rpc/command.ts';
import { text, textOf, type Values } from '../rpc/session.ts';
import { groupArgument, groupIdIn } from './read.ts';

const POLICY = 'Limits that are absent limit nothing. docs/policies.md tells the strategies apart; `docket simulate` rehearses a policy before it is set.';

const yesOrNo = (description: string) => ({ type: 'enum' as const, options: ['yes', 'no'], description });

const fields = {
  name: text('What people call it', 'text'),
  description: text('What it does', 'text'),
  zone: text('Its time zone, such as Europe/Lisbon', 'zone'),
  active: yesOrNo('Without, it takes no tickets and gives none out'),
  supervisors: text('All who supervise it, by the ids in their tokens', 'id,…'),
  strategy: text(`Who is chosen: ${choicesOf(AssignmentStrategySchema).join(', ')}`, 'strategy'),
  'catch-up': text('Tickets that somebody who comes late may be given ahead of the others', 'number'),
  'max-open': text('Pending tickets, over all groups, with which an agent is given no more', 'number'),
  skills: text('That an agent must have, with their levels, such as german=3,iban=1', 'skill=level,…'),
  relax: text('How long a ticket waits until each level falls by one, as 90m, 12h or 30d', 'span'),
  'to-previous': yesOrNo('Whether a reopened ticket goes back to who held it'),
};

/** `docket groups create KEY` */
export const makeCreateCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: GroupService.method.createGroup,
    description: 'Make a group',
    explanation: {
      examples: ['groups create KYC --name "Know your customer" --zone Europe/Lisbon', 'groups create RISK --strategy fewest-open --max-open 20'],
      more: POLICY,
    },
    args: { group: { type: 'positional', required: true, description: 'Its key: 1-16 of A-Z and 0-9. It never changes' }, ...fields },
    request: (values) => ({ group: { ...groupOf(values), key: textOf(values, 'group') ?? '' } }),
  });

/** `docket groups update GROUP` */
export const makeUpdateCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: GroupService.method.updateGroup,
    description: 'Change a group and its policy: the fields that are named, and no others',
    explanation: {
      examples: [
        'groups update KYC --strategy weighted --reason "part-timers"',
        'groups update KYC --max-open 20 --skills german=2 --relax 1h',
        "groups update KYC --max-open '' --skills ''",
        'groups update KYC --active no --validate-only',
      ],
      more: `An empty value clears a field. ${POLICY}`,
    },
    args: { group: groupArgument, ...fields },
    async request(values, session) {
      const updateMask = maskOf(values, pathOf);
      return { group: { ...groupOf(values), groupId: await groupIdIn(values, session) }, updateMask };
    },
  });

/** The field that an option changes. */
const pathOf: Readonly<Record<string, string>> = {
  name: 'name',
  description: 'description',
  zone: 'time_zone',
  active: 'active',
  supervisors: 'supervisor_ids',
  strategy: 'assignment_policy.strategy',
  'catch-up': 'assignment_policy.catch_up_limit',
  'max-open': 'assignment_policy.max_open_per_agent',
  skills: 'assignment_policy.required_skills',
  relax: 'assignment_policy.skill_relaxation',
  'to-previous': 'assignment_policy.prefer_previous_agent',
};

/** The fields that are named, but for which group it is. */
function groupOf(values: Values): MessageInitShape<typeof GroupSchema> {
  const active = textOf(values, 'active');
  return {
    name: textOf(values, 'name') ?? '',
    description: textOf(values, 'description') ?? '',
    timeZone: textOf(values, 'zone') ?? '',
    ...(active !== undefined && { active: active === 'yes' }),
    supervisorIds: listed(values, 'supervisors'),
    ...(Object.entries(pathOf).some(([option, path]) => path.startsWith('assignment_policy.') && values[option] !== undefined) && {
      assignmentPolicy: policyOf(values),
    }),
  };
}

function policyOf(values: Values): MessageInitShape<typeof AssignmentPolicySchema> {
  const [strategy = 0] = chosen(values, 'strategy', AssignmentStrategySchema);
  const catchUp = textOf(values, 'catch-up') ?? '';
  const maxOpen = textOf(values, 'max-open') ?? '';
  const relax = textOf(values, 'relax') ?? '';
  const toPrevious = textOf(values, 'to-previous');
  return {
    strategy,
    ...(catchUp !== '' && { catchUpLimit: Number(wholeNumber('--catch-up', catchUp)) }),
    ...(maxOpen !== '' && { maxOpenPerAgent: Number(wholeNumber('--max-open', maxOpen)) }),
    requiredSkills: skillLevels(values, 'skills'),
    ...(relax !== '' && { skillRelaxation: { seconds: BigInt(spanSeconds('--relax', relax)) } }),
    ...(toPrevious !== undefined && { preferPreviousAgent: toPrevious === 'yes' }),
  };
}

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
