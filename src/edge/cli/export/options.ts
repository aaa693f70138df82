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
import { ListTicketsRequestSchema } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { CommandRefused } from '../running/failures.ts';

/** Options that say which things of a list are wanted, with the lists that have them. */
const CONDITIONS = {
  group: ['tickets', 'agents', 'members'],
  agent: ['tickets'],
  filter: ['tickets', 'agents', 'groups', 'audit'],
  'order-by': ['tickets', 'agents', 'groups'],
  'show-deleted': ['agents', 'groups'],
} as const;

export const LISTS = ['tickets', 'agents', 'groups', 'members', 'audit'] as const;
export type ListName = (typeof LISTS)[number];

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
  ...{ replace: flag, 'show-deleted': flag },
} satisfies ParseArgsConfig['options'];

/** Reads the arguments of `docket export`. @throws CommandRefused */
export function readArguments(rawArgs: readonly string[]): ExportArguments {
  const { values, positionals } = strictly(rawArgs);
  const list = LISTS.find((name) => name === positionals[0]);
  if (list === undefined || positionals.length > 1) throw new CommandRefused(`name one list: ${LISTS.join(', ')}`);
  for (const [option, lists] of Object.entries(CONDITIONS)) {
    if (values[option as keyof typeof values] !== undefined && !(lists as readonly string[]).includes(list))
      throw new CommandRefused(`--${option} says nothing about ${list}: it is for ${lists.join(', ')}`);
  }
  if (list === 'members' && !values.group) throw new CommandRefused('--group must say whose members');
  const name =
    values.format ??
    (extname(values.output ?? '')
      .slice(1)
      .toLowerCase() ||
      'csv');
  const format = FORMATS[name];
  if (format === undefined) throw new CommandRefused(`${JSON.stringify(name)} is no format: --format is csv, xlsx or ndjson`);
  return {
    list,
    format,
    output: values.output,
    replace: values.replace === true,
    group: values.group,
    agent: values.agent ?? '',
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
    throw new CommandRefused((error as Error).message);
  }
}

/** What to ask the service, but for the resume token; `groupId` is the group of the arguments. */
export function requestOf(
  { list, format, agent: agentId, filter, orderBy, showDeleted }: ExportArguments,
  groupId: string,
): ExportListRequest | ExportAuditEntriesRequest {
  switch (list) {
    case 'tickets':
      return create(ExportListRequestSchema, {
        format,
        list: { case: 'tickets', value: create(ListTicketsRequestSchema, { groupId, agentId, filter, orderBy }) },
      });
    case 'agents':
      return create(ExportListRequestSchema, {
        format,
        list: { case: 'agents', value: create(ListAgentsRequestSchema, { groupId, filter, orderBy, showDeleted }) },
      });
    case 'groups':
      return create(ExportListRequestSchema, { format, list: { case: 'groups', value: create(ListGroupsRequestSchema, { filter, orderBy, showDeleted }) } });
    case 'members':
      return create(ExportListRequestSchema, { format, list: { case: 'groupMembers', value: create(ListGroupMembersRequestSchema, { groupId }) } });
    case 'audit':
      return create(ExportAuditEntriesRequestSchema, { format, list: create(ListAuditEntriesRequestSchema, { filter }) });
  }
}
