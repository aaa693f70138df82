import { extname } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { ListAgentsRequestSchema } from '../../../../gen/ticketing/v1/agent_service_pb.ts';
import { ListAuditEntriesRequestSchema } from '../../../../gen/ticketing/v1/audit_service_pb.ts';
import {
  type ExportAuditEntriesRequest,
  ExportAuditEntriesRequestSchema,
  type ExportListRequest,
  ExportListRequestSchema,
  FileFormat,
} from '../../../../gen/ticketing/v1/file_service_pb.ts';
import { ListGroupMembersRequestSchema, ListGroupsRequestSchema } from '../../../../gen/ticketing/v1/group_service_pb.ts';
import { ListVersionsRequestSchema } from '../../../../gen/ticketing/v1/history_service_pb.ts';
import { OperationOutcomeSchema, OperationStateSchema } from '../../../../gen/ticketing/v1/operation_pb.ts';
import {
  type ListOperationsRequest,
  ListOperationsRequestSchema,
  type ListOperationTicketsRequest,
  ListOperationTicketsRequestSchema,
} from '../../../../gen/ticketing/v1/operation_service_pb.ts';
import { ListTicketHistoryRequestSchema, ListTicketsRequestSchema } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { chosen } from '../rpc/choices.ts';
import { UsageWrong } from '../running/failures.ts';

/** Options that say which things of a list are wanted, with the lists that have them. */
const CONDITIONS = {
  group: ['tickets', 'agents', 'members', 'versions'],
  agent: ['tickets', 'versions'],
  ticket: ['history', 'versions'],
  operation: ['operation-tickets'],
  state: ['operations'],
  outcome: ['operation-tickets'],
  filter: ['tickets', 'agents', 'groups', 'audit'],
  'order-by': ['tickets', 'agents', 'groups'],
  'show-deleted': ['agents', 'groups'],
} as const;

export const LISTS = ['tickets', 'agents', 'groups', 'members', 'history', 'versions', 'operations', 'operation-tickets', 'audit'] as const;
export type ListName = (typeof LISTS)[number];

/** What some lists are lists of: of these options just one must be given. */
const OWNERS: Partial<Readonly<Record<ListName, readonly (keyof typeof CONDITIONS)[]>>> = {
  members: ['group'],
  history: ['ticket'],
  versions: ['ticket', 'agent', 'group'],
  'operation-tickets': ['operation'],
};

const FORMATS: Readonly<Record<string, FileFormat>> = { csv: FileFormat.CSV, xlsx: FileFormat.XLSX, ndjson: FileFormat.NDJSON };

/** What the command line asks for. */
export interface ExportArguments {
  readonly list: ListName;
  readonly format: FileFormat;
  /** The file to write; undefined: standard output. */
  readonly output: string | undefined;
  /** Whether a file of that name gives way. */
  readonly replace: boolean;
  /** Id or key. */
  readonly group: string | undefined;
  readonly agent: string;
  /** Id or key. */
  readonly ticket: string;
  readonly operation: string;
  readonly states: ListOperationsRequest['states'];
  readonly outcomes: ListOperationTicketsRequest['outcomes'];
  readonly filter: string;
  readonly orderBy: string;
  readonly showDeleted: boolean;
  readonly address: string | undefined;
  readonly token: string | undefined;
  readonly ca: string | undefined;
}

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const options = {
  ...{ format: text, output: text, group: text, agent: text, filter: text, 'order-by': text, address: text, token: text, ca: text, profile: text },
  ...{ ticket: text, operation: text, state: text, outcome: text },
  ...{ replace: flag, 'show-deleted': flag },
} satisfies ParseArgsConfig['options'];

/** Reads the arguments of `docket export`. @throws UsageWrong */
export function readArguments(rawArgs: readonly string[]): ExportArguments {
  const { values, positionals } = strictly(rawArgs);
  const list = LISTS.find((name) => name === positionals[0]);
  if (list === undefined || positionals.length > 1) throw new UsageWrong(`name one list: ${LISTS.join(', ')}`);
  for (const [option, lists] of Object.entries(CONDITIONS)) {
    if (values[option as keyof typeof values] !== undefined && !(lists as readonly string[]).includes(list))
      throw new UsageWrong(`--${option} says nothing about ${list}: it is for ${lists.join(', ')}`);
  }
  const owners = OWNERS[list] ?? [];
  if (owners.length > 0 && owners.filter((option) => values[option]).length !== 1)
    throw new UsageWrong(`say whose ${list}, by ${owners.length > 1 ? 'one of ' : ''}${owners.map((option) => `--${option}`).join(', ')}`);
  const name =
    values.format ??
    (extname(values.output ?? '')
      .slice(1)
      .toLowerCase() ||
      'csv');
  const format = FORMATS[name];
  if (format === undefined) throw new UsageWrong(`${JSON.stringify(name)} is no format: --format is csv, xlsx or ndjson`);
  return {
    list,
    format,
    output: values.output === '-' ? undefined : values.output,
    replace: values.replace === true,
    group: values.group,
    agent: values.agent ?? '',
    ticket: values.ticket ?? '',
    operation: values.operation ?? '',
    states: chosen(values, 'state', OperationStateSchema),
    outcomes: chosen(values, 'outcome', OperationOutcomeSchema),
    filter: values.filter ?? '',
    orderBy: values['order-by'] ?? '',
    showDeleted: values['show-deleted'] === true,
    address: values.address,
    token: values.token,
    ca: values.ca,
  };
}

/** A misspelt condition must not be passed over: it would export everything. */
function strictly(rawArgs: readonly string[]) {
  try {
    return parseArgs({ args: [...rawArgs], options, allowPositionals: true });
  } catch (error) {
    throw new UsageWrong((error as Error).message);
  }
}

/** What to ask the service, but for the resume token; `groupId` is the group of the arguments. */
export function requestOf(args: ExportArguments, groupId: string): ExportListRequest | ExportAuditEntriesRequest {
  const { format, filter } = args;
  return args.list === 'audit'
    ? create(ExportAuditEntriesRequestSchema, { format, list: create(ListAuditEntriesRequestSchema, { filter }) })
    : create(ExportListRequestSchema, { format, list: listOf({ ...args, list: args.list }, groupId) });
}

type ListArguments = ExportArguments & { readonly list: Exclude<ListName, 'audit'> };

function listOf({ list, agent, ticket, operation, states, outcomes, filter, orderBy, showDeleted }: ListArguments, groupId: string): ExportListRequest['list'] {
  switch (list) {
    case 'tickets':
      return { case: 'tickets', value: create(ListTicketsRequestSchema, { groupId, agentId: agent, filter, orderBy }) };
    case 'agents':
      return { case: 'agents', value: create(ListAgentsRequestSchema, { groupId, filter, orderBy, showDeleted }) };
    case 'groups':
      return { case: 'groups', value: create(ListGroupsRequestSchema, { filter, orderBy, showDeleted }) };
    case 'members':
      return { case: 'groupMembers', value: create(ListGroupMembersRequestSchema, { groupId }) };
    case 'history':
      return { case: 'ticketHistory', value: create(ListTicketHistoryRequestSchema, { ticketId: ticket }) };
    case 'versions':
      return { case: 'versions', value: create(ListVersionsRequestSchema, thingOf(ticket, agent, groupId)) };
    case 'operations':
      return { case: 'operations', value: create(ListOperationsRequestSchema, { states }) };
    case 'operation-tickets':
      return { case: 'operationTickets', value: create(ListOperationTicketsRequestSchema, { operationId: operation, outcomes }) };
  }
}

/** Whose versions; two of the three are ''. */
function thingOf(ticket: string, agent: string, groupId: string): { readonly entityType: string; readonly entityId: string } {
  if (ticket !== '') return { entityType: 'ticket', entityId: ticket };
  return agent !== '' ? { entityType: 'agent', entityId: agent } : { entityType: 'group', entityId: groupId };
}
