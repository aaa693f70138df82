import { randomUUID } from 'node:crypto';
import type { DescMessage, DescMethodUnary, MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { AssignmentStrategy } from '../../gen/ticketing/v1/assignment_policy_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import { callGrpc } from '../support/edge/clients.ts';
import { type OwnPostgres, startPostgres } from '../support/fleet/postgres.ts';
import { makeToken, type ServingProcess, startProcess } from '../support/fleet/process.ts';

const MOST = 8;
/** Open calls on each process. */
const CALLERS = 4;
const TICKETS = 240;

let postgres: OwnPostgres;
let fleet: readonly ServingProcess[];
let token: string;

beforeAll(async () => {
  postgres = await startPostgres({ fast: true });
  const start = () => startProcess(postgres.url, { DOCKET_DATABASE_POOL_SIZE: '5', DOCKET_LOG_LEVEL: 'info' });
  // The first migrates; the others find it done.
  const first = await start();
  [fleet, token] = await Promise.all([Promise.all(Array.from({ length: MOST - 1 }, start)).then((more) => [first, ...more]), makeToken(postgres.url)]);
}, 240_000);
afterAll(async () => {
  for (const process of fleet) {
    process.signal('SIGKILL');
    await process.ended;
    process.channel.close();
  }
  await postgres.remove();
}, 60_000);

/** Calls through the first so many processes, each in turn. */
function through(processes: number) {
  let turn = 0;
  return <I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>, request: MessageInitShape<I>) =>
    callGrpc((fleet[turn++ % processes] as ServingProcess).channel, method, request, { token, deadlineMs: 60_000 });
}

/** Most minus fewest tickets given in a group, after each decision. */
async function worstSpread(groupId: string, agentIds: readonly string[]): Promise<number> {
  const counts = new Map(agentIds.map((agentId) => [agentId, 0]));
  let worst = 0;
  const rows = await postgres.sql<{ agent_id: string }>('SELECT agent_id FROM docket.assignment_decisions WHERE group_id = $1 ORDER BY sequence', [groupId]);
  for (const { agent_id } of rows) {
    counts.set(agent_id, (counts.get(agent_id) ?? 0) + 1);
    worst = Math.max(worst, Math.max(...counts.values()) - Math.min(...counts.values()));
  }
  return worst;
}

it.each([1, 3, MOST])(
  'it deals exactly with %i processes: steady teams at most one apart, restless ones by their rules',
  { timeout: 120_000 },
  async (processes) => {
    const call = through(processes);
    const name = (what: string) => `P${processes}${what}`;
    const furnish = async (what: string, strategy: AssignmentStrategy): Promise<{ groupId: string; agentIds: string[] }> => {
      const { group } = await call(GroupService.method.createGroup, { group: { key: name(what), assignmentPolicy: { strategy } } });
      const groupId = group?.groupId ?? '';
      const agentIds = ['ann', 'bob', 'cat', 'dan'].map((agentId) => `${name(what)}-${agentId}`);
      for (const agentId of agentIds) await call(AgentService.method.createAgent, { agent: { agentId, groupIds: [groupId] } });
      return { groupId, agentIds };
    };
    const steady = await furnish('STEADY', AssignmentStrategy.LEAST_ASSIGNED_TODAY);
    const turns = await furnish('TURNS', AssignmentStrategy.ROUND_ROBIN);
    const restless = [await furnish('OPEN', AssignmentStrategy.FEWEST_OPEN), await furnish('WEIGHT', AssignmentStrategy.WEIGHTED)];
    const teams = [steady, turns, ...restless];
    const made: string[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let at = next++; at < TICKETS; at = next++) {
        // Half of all for the steady team: its pool is the hot one.
        const { groupId } = (at % 2 === 0 ? steady : teams[at % 4]) as (typeof teams)[number];
        const { ticket } = await call(TicketService.method.createTicket, { groupId, userId: BigInt(at + 1), requestId: randomUUID() });
        made.push(ticket?.ticketId ?? '');
        if (at % 3 === 0) await call(TicketService.method.updateTicket, { ticket: { ticketId: ticket?.ticketId ?? '', status: TicketStatus.RESOLVED } });
      }
    };
    const comeAndGo = async (agentId: string): Promise<void> => {
      for (const availability of [Availability.AWAY, Availability.AVAILABLE, Availability.OFFLINE, Availability.AVAILABLE])
        await call(AgentService.method.setAvailability, { agentId, availability, reassignPending: true });
    };
    await Promise.all([...Array.from({ length: CALLERS * processes }, work), ...restless.map(({ agentIds }) => comeAndGo(agentIds[1] as string))]);
    const kept = await postgres.sql<{ ticket_id: string }>(
      `SELECT ticket_id FROM docket.tickets JOIN docket.groups USING (group_id) WHERE starts_with(groups.key, $1)`,
      [name('')],
    );
    expect(kept.map((row) => row.ticket_id).sort()).toEqual(made.sort());
    expect(await worstSpread(steady.groupId, steady.agentIds)).toBe(1);
    expect(await worstSpread(turns.groupId, turns.agentIds)).toBe(1);
    const report = await checkDatabase(postgres.url);
    expect(report.findings.flatMap(({ invariant, first }) => first.map((words) => `${invariant} ${words}`))).toEqual([]);
    expect(fleet.flatMap(({ faults }) => faults)).toEqual([]);
  },
);
