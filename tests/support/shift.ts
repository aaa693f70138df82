import { fileURLToPath } from 'node:url';
import { setAvailability } from '../../src/domain/agents/commands/set-availability.ts';
import { ticketReactions } from '../../src/domain/tickets/index.ts';
import { createTicketCommand, updateTicketCommand } from '../../src/domain/tickets/plan.ts';
import type { Reach } from '../../src/domain/tickets/reach.ts';
import { STATUS } from '../../src/domain/tickets/rules.ts';
import { entities } from '../../src/entities.ts';
import type { CommandKind } from '../../src/foundation/commands/command.ts';
import { CommandQueue } from '../../src/foundation/commands/queue.ts';
import { submit } from '../../src/foundation/commands/submit.ts';
import type { Caller } from '../../src/foundation/context.ts';
import { openOrm } from '../../src/foundation/database/orm.ts';
import { newId } from '../../src/foundation/ids.ts';

/** What one process does on a database: many things at once, by a queue and connections of its own. */
export interface Shift {
  readonly url: string;
  readonly name: string;
  readonly groupIds: readonly string[];
  /** Tickets to create, spread over the groups; every other one is resolved as soon as it is answered. */
  readonly tickets: number;
  /** Agents who go away, with their tickets dealt out, and come back while it goes on. */
  readonly restless: readonly string[];
}

/** What it was answered. */
export interface ShiftAnswers {
  readonly created: readonly string[];
  readonly resolved: readonly string[];
}

const CALLERS = 8;
const EVERYTHING: Reach = { visible: 'all', managed: 'all', agentId: undefined };

/** Works a shift; every call must succeed. */
export async function workShift(shift: Shift): Promise<ShiftAnswers> {
  const orm = await openOrm({ url: shift.url, poolSize: 4, statementTimeoutMs: 30_000, lockTimeoutMs: 20_000, entities });
  const queue = new CommandQueue({ orm, handlers: ticketReactions, enqueue: async () => undefined }, { lanes: 3, queueBound: 1000 });
  const caller: Caller = { actor: shift.name, actorKind: 'SERVICE', roles: new Set(['admin']), agentId: undefined };
  const intent = { requestId: undefined, bodyHash: new Uint8Array(), validateOnly: false, reason: '' };
  const ask = <Input, Answer extends Parameters<typeof submit>[2]['answer']>(kind: CommandKind<Input, Answer>, input: Input) =>
    submit(queue, { caller, rpc: `test/${kind.name}`, intent: { ...intent, requestId: newId() } }, kind, input);
  const created: string[] = [];
  const resolved: string[] = [];
  let next = 0;

  const create = async (): Promise<void> => {
    for (let number = next++; number < shift.tickets; number = next++) {
      const ticketId = newId();
      const ticket = {
        ticketId,
        groupId: shift.groupIds[number % shift.groupIds.length] as string,
        userId: String(number + 1),
        priority: 1 + (number % 4),
        title: '',
        description: '',
        attributes: {},
        labels: [],
        agentId: undefined,
        uniquePerUser: false,
        externalReferences: [],
      };
      await ask(createTicketCommand, { tickets: [ticket], batch: false, reach: EVERYTHING });
      created.push(ticketId);
      if (number % 2 === 0) continue;
      await ask(updateTicketCommand, { ticket: ticketId, etag: '', patch: { status: STATUS.RESOLVED }, reach: EVERYTHING });
      resolved.push(ticketId);
    }
  };
  const comeAndGo = async (agentId: string): Promise<void> => {
    for (const availability of ['AWAY', 'AVAILABLE', 'OFFLINE', 'AVAILABLE'] as const) {
      await ask(setAvailability, { caller, agentId, availability, reassignPending: true, until: undefined, etag: '' });
    }
  };
  await Promise.all([...Array.from({ length: CALLERS }, create), ...shift.restless.map(comeAndGo)]);
  await orm.close(true);
  return { created, resolved };
}

// As a process of its own: the shift is the first argument, the answers are what it prints.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await workShift(JSON.parse(process.argv[2] ?? '') as Shift)));
}
