import { AgentService } from '../../../../gen/ticketing/v1/agent_service_pb.ts';
import { groupIdOf } from '../groups-by-key.ts';
import type { FindService } from '../reach.ts';
import { listed, maskOf, skillLevels, wholeNumber } from '../rpc/choices.ts';
import { makeRpcCommand } from '../rpc/command.ts';
import { type Session, text, textOf, type Values } from '../rpc/session.ts';
import { agentArgument } from './read.ts';

const fields = {
  name: text('What people call him', 'text'),
  email: text('His address', 'address'),
  groups: text('All groups that he works in', 'key|id,…'),
  skills: text('With their levels, such as german=3,iban=1', 'skill=level,…'),
  'max-open': text('Pending tickets at most', 'number'),
};

/** `docket agents create AGENT` */
export const makeCreateCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: AgentService.method.createAgent,
    description: 'Make an agent known; he is available at once',
    explanation: { examples: ['agents create ada --name "Ada Lovelace" --groups KYC,RISK --skills german=3'] },
    args: { agent: { ...agentArgument, description: 'An id of your own: 1-64 letters, digits and ._@+-' }, ...fields },
    request: async (values, session) => ({ agent: await agentOf(values, session) }),
  });

/** `docket agents update AGENT` */
export const makeUpdateCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: AgentService.method.updateAgent,
    description: 'Change an agent: the fields that are named, and no others',
    explanation: { examples: ['agents update ada --groups KYC', 'agents update ada --active no --reason "left the company"', "agents update ada --skills ''"] },
    args: { agent: agentArgument, ...fields, active: { type: 'enum', options: ['yes', 'no'], description: 'Without, his pending tickets are dealt out' } },
    async request(values, session) {
      const updateMask = maskOf(values, pathOf);
      return { agent: await agentOf(values, session), updateMask };
    },
  });

/** The field that an option changes. */
const pathOf: Readonly<Record<string, string>> = {
  name: 'display_name',
  email: 'email',
  groups: 'group_ids',
  skills: 'skills',
  'max-open': 'max_open_tickets',
  active: 'active',
};

async function agentOf(values: Values, { client }: Session) {
  const maxOpen = textOf(values, 'max-open');
  const active = textOf(values, 'active');
  return {
    agentId: textOf(values, 'agent') ?? '',
    displayName: textOf(values, 'name') ?? '',
    email: textOf(values, 'email') ?? '',
    groupIds: await Promise.all(listed(values, 'groups').map((group) => groupIdOf(client, group))),
    skills: skillLevels(values, 'skills'),
    ...(maxOpen !== undefined && maxOpen !== '' && { maxOpenTickets: Number(wholeNumber('--max-open', maxOpen)) }),
    ...(active !== undefined && { active: active === 'yes' }),
  };
}

/** `docket agents delete AGENT` */
export const makeDeleteCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: AgentService.method.deleteAgent,
    description: 'Delete an agent; his pending tickets are dealt out. He can be taken back',
    explanation: { examples: ['agents delete ada --reason "left the company"'] },
    args: { agent: agentArgument },
    request: (values) => ({ agentId: textOf(values, 'agent') ?? '' }),
  });

/** `docket agents undelete AGENT` */
export const makeUndeleteCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: AgentService.method.undeleteAgent,
    description: 'Take a deleted agent back, with his groups',
    explanation: { examples: ['agents undelete ada'] },
    args: { agent: agentArgument },
    request: (values) => ({ agentId: textOf(values, 'agent') ?? '' }),
  });
