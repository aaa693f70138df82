import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import { RestoreTicketResponseSchema, type UpdateTicketResponseSchema } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { CommandKind } from '../../foundation/commands/command.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import type { DomainError } from '../../foundation/errors.ts';
import { findVersion, VersionNotFound } from '../audit/index.ts';
import { findPools } from '../groups/index.ts';
import { TicketNotFound, TicketNotPending, VersionErased } from './errors.ts';
import { findPoolsOfTickets, loadTickets } from './load.ts';
import { updateTicketCommand } from './plan.ts';
import { includesGroup, type Reach } from './reach.ts';
import type { TicketRow } from './row.ts';
import { isPending, PRIORITY, STATUS } from './rules.ts';
import type { TicketPatch } from './update.ts';

/** Which ticket, by its id, and to which of its versions. */
export interface Restoration {
  readonly ticketId: string;
  readonly version: bigint;
  readonly etag: string;
  readonly reach: Reach;
}

type Answered = MessageInitShape<typeof UpdateTicketResponseSchema>;

/** What a version said, as far as it can be said again. */
type Restorable = Pick<TicketRow, 'group_id' | 'agent_id' | 'status' | 'priority' | 'title' | 'description' | 'attributes' | 'labels'>;
const RESTORABLE = ['group_id', 'agent_id', 'status', 'priority', 'title', 'description', 'attributes', 'labels'] as const satisfies (keyof Restorable)[];

/**
 * Makes a ticket again what it was in one of its versions: a change like those of UpdateTicket, worked out under the ticket's lock, so that what is erased
 * meanwhile does not come back. A change that any of its rules forbids is not made at all.
 */
export const restoreTicketCommand: CommandKind<Restoration, typeof RestoreTicketResponseSchema> = {
  name: 'RestoreTicket',
  answer: RestoreTicketResponseSchema,
  together: 1,
  pools: (sql, inputs) => Promise.all(inputs.map((input) => poolsOf(sql, input))),
  async plan(unit, commands) {
    const [command] = commands;
    if (!command) throw new Error('RestoreTicket was planned without a command');
    const { ticketId, version, etag, reach } = command.input;
    const [row] = await loadTickets(unit, [ticketId]);
    if (!row || !includesGroup(reach.visible, row.group_id)) throw new TicketNotFound(ticketId);
    const patch = patchTo(row, await getRestorable(unit.sql, command.input));
    const plan = await updateTicketCommand.plan(unit, [{ ...command, kind: updateTicketCommand, input: { ticket: ticketId, etag, patch, reach } }]);
    return {
      outcomes: plan.outcomes.map((outcome) =>
        'error' in outcome ? { error: ofVersion(outcome.error, command.input) } : { answer: restored(outcome.answer.ticket, version) },
      ),
      async write() {
        await plan.write();
        return undefined;
      },
    };
  },
};

const restored = (ticket: Answered['ticket'], restoredVersion: bigint): MessageInitShape<typeof RestoreTicketResponseSchema> => ({
  ...(ticket && { ticket }),
  restoredVersion,
});

/** A refusal in terms of what was asked for: no field but the version was named. */
function ofVersion(error: DomainError, { ticketId, version }: Restoration): DomainError {
  if (!(error instanceof TicketNotPending)) return error;
  const what = error.facts['field'] === 'group_id' ? 'group' : 'agent';
  const rule = `version ${version} has another ${what} than ticket ${ticketId} has now, and is not pending: only a ticket that is pending after the change gets another ${what} by it`;
  return new TicketNotPending(ticketId, 'version', rule);
}

/** The pools of the ticket's group and of the group that the version was in. */
async function poolsOf(sql: Sql, { ticketId, version }: Restoration): Promise<readonly string[]> {
  const own = (await findPoolsOfTickets(sql, [ticketId])).get(ticketId);
  const target = await findVersion(sql, 'tickets', ticketId, String(version));
  const [poolIds = []] = await findPools(sql, [{ groupIds: target ? [String(target.values.group_id)] : [] }]);
  return [...new Set([...(own === undefined ? [] : [own]), ...poolIds])];
}

/** Throws VersionNotFound, also when the version lay outside the groups that the caller sees, and VersionErased. */
async function getRestorable(sql: Sql, { ticketId, version, reach }: Restoration): Promise<Restorable> {
  const found = await findVersion(sql, 'tickets', ticketId, String(version));
  if (!found || !includesGroup(reach.visible, String(found.values.group_id))) throw new VersionNotFound('ticket', ticketId, version, 'version');
  const erased = found.erased.filter((field) => RESTORABLE.some((one) => one === field));
  if (erased.length > 0) throw new VersionErased(ticketId, version, erased);
  const { values } = found;
  const { status, priority } = values as { readonly status: keyof typeof STATUS; readonly priority: keyof typeof PRIORITY };
  return {
    ...{ group_id: String(values.group_id), agent_id: values.agent_id as string | null, status: STATUS[status], priority: PRIORITY[priority] },
    ...{ title: String(values.title), description: String(values.description), attributes: values.attributes as JsonObject, labels: values.labels as string[] },
  };
}

/** What to set so that the ticket says the same again. */
function patchTo(row: TicketRow, target: Restorable): TicketPatch {
  const moves = target.group_id !== row.group_id;
  const agentId = target.agent_id ?? '';
  // A ticket that comes back or moves would go to whom the policy picks, and one with another agent starts from OPEN, unless both are named.
  const placed = isPending(target.status) && (moves || !isPending(row.status));
  const gives = agentId !== (row.agent_id ?? '') || (placed && agentId !== '');
  const says = gives && isPending(target.status) && agentId !== '';
  return {
    ...(moves ? { groupId: target.group_id } : {}),
    ...(target.status !== row.status || says ? { status: target.status } : {}),
    ...(gives ? { agentId } : {}),
    ...(target.priority === row.priority ? {} : { priority: target.priority }),
    ...(target.title === row.title ? {} : { title: target.title }),
    ...(target.description === row.description ? {} : { description: target.description }),
    attributes: target.attributes,
    labels: target.labels,
  };
}
