import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Agent } from '../../gen/ticketing/v1/agent_pb.ts';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import type { Ticket } from '../../gen/ticketing/v1/ticket_pb.ts';
import type { Workload } from '../../gen/ticketing/v1/workload_pb.ts';
import { instantOf, microsOf, toTimestamp } from '../../src/foundation/clock.ts';
import { DomainError } from '../../src/foundation/errors.ts';
import { addProcesses, beBusy, decideInEveryWay, hireStaff } from '../support/busy-service.ts';
import { type Dice, makeDice } from '../support/dice.ts';
import { type Clients, createHarness, type Harness } from '../support/harness.ts';
import { readInstant } from '../support/instants.ts';
import { ToldPast } from '../support/told-past.ts';

/** How many pairs of a ticket and an instant are compared; more when asked for. */
const PAIRS = Number(process.env['DOCKET_TEST_PAIRS'] ?? 3_000);
const SEED = 20_261_122;

/** What everybody could read at a moment at which nobody wrote. */
interface Photograph {
  readonly micros: number;
  readonly tickets: readonly Ticket[];
  readonly agents: readonly Agent[];
  readonly groups: readonly Group[];
  readonly workloads: readonly Workload[];
}

describe('the past', () => {
  let harness: Harness;
  let who: Clients;
  let told: ToldPast;
  const photographs: Photograph[] = [];
  /** When each ticket was redacted last. */
  const redacted = new Map<string, number>();
  const dice = makeDice(SEED);

  beforeAll(async () => {
    harness = await createHarness();
    who = harness.callAs({ roles: ['admin', 'service'], actor: 'busy' });
    const stop = await addProcesses(harness, 2, dice);
    const staff = await hireStaff(harness);
    await decideInEveryWay(harness, staff);
    await photograph();
    for (const [round, later] of ['9 hours', '20 minutes', '30 hours', '3 days'].entries()) {
      if (round === 2) await harness.sql(`UPDATE settings SET business_time_zone = 'Pacific/Auckland'`);
      await Promise.all([beBusy(harness, staff, { seed: SEED + round, callers: 4, deeds: 45 }), meddle(25)]);
      await photograph();
      await harness.moveClock(later);
      await photograph();
    }
    await stop();
    // What no decision tells: past Docket, from agent to agent, and away.
    await harness.sql(`UPDATE tickets SET agent_id = 'gus', status = 2 WHERE hashtext(ticket_id::text) % 9 = 0`);
    await harness.sql(`DELETE FROM tickets WHERE hashtext(ticket_id::text) % 11 = 0`);
    told = await ToldPast.read(harness);
  }, 240_000);
  afterAll(() => harness.close());

  /** Changes that come past Docket, and redactions, beside all others. */
  async function meddle(times: number): Promise<void> {
    const some = (where: string) => `ticket_id = (SELECT ticket_id FROM tickets WHERE ${where} ORDER BY hashtext(ticket_id::text || '${dice(1e9)}') LIMIT 1)`;
    for (let at = 0; at < times; at += 1) {
      await harness.sql(`UPDATE tickets SET title = 'raw ${at}', labels = '{raw,l${at}}', attributes = '{"n": ${at}}' WHERE ${some('true')}`);
      if (at % 4 === 0) await harness.sql(`DELETE FROM tickets WHERE ${some('status = 6')}`);
      if (at % 5 === 0) await harness.sql(`UPDATE groups SET description = 'raw ${at}' WHERE key = 'HAND'`);
      if (at % 6 !== 0) continue;
      const [ticket] = await harness.sql<{ ticket_id: string }>(`SELECT ticket_id FROM tickets WHERE ${some('version > 2')}`);
      if (!ticket) continue;
      await who.tickets.redactTicket({ ticketId: ticket.ticket_id }).then(
        async () => redacted.set(ticket.ticket_id, microsOf(await readInstant(harness))),
        (error: unknown) => {
          if (!(error instanceof DomainError)) throw error;
        },
      );
    }
  }

  async function photograph(): Promise<void> {
    const micros = microsOf(await readInstant(harness));
    const { agents } = await who.agents.listAgents({ pageSize: 1000, showDeleted: true });
    photographs.push({
      micros,
      tickets: await allTickets({}),
      agents,
      groups: (await who.groups.listGroups({ pageSize: 1000, showDeleted: true })).groups,
      workloads: await Promise.all(agents.map(async ({ agentId }) => (await who.agents.getWorkload({ agentId })).workload as Workload)),
    });
  }

  async function allTickets(request: Parameters<Clients['tickets']['listTickets']>[0]): Promise<Ticket[]> {
    const tickets: Ticket[] = [];
    let pageToken = '';
    do {
      const page = await who.tickets.listTickets({ pageSize: 1000, ...request, pageToken });
      tickets.push(...page.tickets);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    return tickets;
  }

  const asOf = (micros: number) => toTimestamp(instantOf(micros));
  /** Anything between the first and the last change; a third of the time the very instant of one, or the microsecond before. */
  function someInstant(toss: Dice): number {
    const { moments } = told;
    const [first = 0, last = 0] = [moments[0], moments.at(-1)];
    const moment = moments[toss(moments.length)] as number;
    const kind = toss(6);
    if (kind === 0) return moment;
    if (kind === 1) return moment - 1;
    if (kind < 5) return moment + toss(20_000);
    return first - 1_000 + toss(1_000_000) * Math.floor((last - first) / 1_000_000);
  }
  const missing = (error: unknown) => {
    if (error instanceof DomainError && error.kind === 'not_found') return undefined;
    throw error;
  };

  it(`of tickets is what the log tells from its beginning, for ${PAIRS} pairs of a ticket and an instant`, { timeout: 1_200_000 }, async () => {
    const ids = told.ids('ticket');
    const toss = makeDice(SEED + 1);
    let there = 0;
    for (let left = PAIRS; left > 0; left -= 50) {
      const pairs = Array.from({ length: Math.min(50, left) }, () => ({ id: ids[toss(ids.length)] as string, micros: someInstant(toss) }));
      const read = await Promise.all(
        pairs.map(({ id, micros }) => who.tickets.getTicket({ ticketId: id, asOf: asOf(micros) }).then(({ ticket }) => ticket, missing)),
      );
      const expected = pairs.map(({ id, micros }) => told.ticketAt(id, micros));
      expect(read).toEqual(expected);
      there += expected.filter(Boolean).length;
    }
    expect(there).toBeGreaterThan(PAIRS / 4);
    expect(PAIRS - there).toBeGreaterThan(PAIRS / 20);
  });

  it('of agents, their groups and counts, of groups and of workloads is what the log and the decisions tell', { timeout: 120_000 }, async () => {
    const toss = makeDice(SEED + 2);
    const [agents, groups] = [told.ids('agent'), told.ids('group')];
    for (let at = 0; at < 150; at += 1) {
      const micros = someInstant(toss);
      const agentId = agents[toss(agents.length)] as string;
      const groupId = groups[toss(groups.length)] as string;
      const agent = await who.agents.getAgent({ agentId, asOf: asOf(micros) }).then((answer) => answer.agent, missing);
      const group = await who.groups.getGroup({ groupId, asOf: asOf(micros) }).then((answer) => answer.group, missing);
      const workload = await who.agents.getWorkload({ agentId, asOf: asOf(micros) }).then((answer) => answer.workload, missing);
      expect(agent, `${agentId} at ${instantOf(micros)}`).toEqual(told.agentAt(agentId, micros));
      expect(group).toEqual(told.groupAt(groupId, micros));
      expect(workload && loadOf(workload), `${agentId} at ${instantOf(micros)}`).toEqual(agent && told.workloadAt(agentId, micros));
    }
  });

  const loadOf = (workload: Workload) => ({
    openTickets: workload.openTickets,
    businessDay: workload.businessDay,
    statuses: workload.statuses.map(({ count }) => count),
    priorities: workload.priorities.map(({ count }) => count),
    groups: workload.groups.map(({ groupId, openTickets, ticketsAssignedToday, ticketsResolvedToday }) => ({
      ...{ groupId, openTickets, ticketsAssignedToday, ticketsResolvedToday },
    })),
  });

  it('of lists is what the log tells of all that was there, by the same filters, page by page', { timeout: 120_000 }, async () => {
    const toss = makeDice(SEED + 3);
    const [ticketIds, agentIds, groupIds] = [told.ids('ticket'), told.ids('agent').sort(), told.ids('group')];
    for (let at = 0; at < 40; at += 1) {
      const micros = someInstant(toss);
      const all = ticketIds.flatMap((id) => told.ticketAt(id, micros) ?? []);
      const groupId = groupIds[toss(groupIds.length)] as string;
      const agentId = agentIds[toss(agentIds.length)] as string;
      const userId = all[toss(all.length + 1)]?.userId || 1n;
      const [request, matches] = [
        [{}, () => true],
        [{ groupId }, (ticket: Ticket) => ticket.groupId === groupId],
        [{ agentId, statuses: [1, 4] }, (ticket: Ticket) => ticket.agentId === agentId && [1, 4].includes(ticket.status)],
        [{ unassigned: true, priorities: [2, 3] }, (ticket: Ticket) => ticket.agentId === '' && [2, 3].includes(ticket.priority)],
        [{ filter: 'status in [RESOLVED, CLOSED] || "raw" in labels' }, (ticket: Ticket) => [4, 5].includes(ticket.status) || ticket.labels.includes('raw')],
        [{ userId }, (ticket: Ticket) => ticket.userId === userId],
      ][toss(6)] as [Parameters<Clients['tickets']['listTickets']>[0], (ticket: Ticket) => boolean];
      const descending = toss(2) === 0;
      const read = await allTickets({ ...request, asOf: asOf(micros), orderBy: descending ? 'create_time desc' : 'create_time', pageSize: 1 + toss(60) });
      const sorted = all.filter(matches).sort((a, b) => placeOf(a).localeCompare(placeOf(b), 'en', { numeric: false }));
      expect(read).toEqual(descending ? sorted.reverse() : sorted);
      const agents = (await who.agents.listAgents({ asOf: asOf(micros), showDeleted: true, pageSize: 1000 })).agents;
      expect(agents).toEqual(agentIds.flatMap((id) => told.agentAt(id, micros) ?? []));
      const members = (await who.agents.listAgents({ asOf: asOf(micros), groupId, pageSize: 1000 })).agents;
      expect(members).toEqual(
        agentIds.flatMap((id) => {
          const agent = told.agentAt(id, micros);
          return agent && !agent.deleteTime && told.stateAt('membership', `${groupId}/${id}`, micros) ? [agent] : [];
        }),
      );
      const groups = (await who.groups.listGroups({ asOf: asOf(micros), showDeleted: true, orderBy: 'create_time', pageSize: 1000 })).groups;
      expect(groups.map((group) => group.key)).toEqual(
        groupIds
          .flatMap((id) => told.groupAt(id, micros) ?? [])
          .sort(byTime)
          .map((group) => group.key),
      );
    }
  });

  const placeOf = ({ createTime, ticketId }: Ticket) => `${createTime?.seconds} ${String(createTime?.nanos).padStart(9, '0')} ${ticketId}`;
  const byTime = (a: Group, b: Group) =>
    Number((a.createTime?.seconds ?? 0n) - (b.createTime?.seconds ?? 0n)) || (a.createTime?.nanos ?? 0) - (b.createTime?.nanos ?? 0);

  it('is what everybody could read then', { timeout: 120_000 }, async () => {
    const eraseAfter = (micros: number) => (ticket: Ticket) =>
      (redacted.get(ticket.ticketId) ?? 0) > micros
        ? { ...ticket, userId: 0n, title: '', description: '', attributes: {}, labels: [], externalReferences: [] }
        : ticket;
    expect(photographs.length).toBe(9);
    for (const { micros, tickets, agents, groups, workloads } of photographs) {
      expect(await allTickets({ asOf: asOf(micros) })).toEqual(tickets.map(eraseAfter(micros)));
      expect((await who.agents.listAgents({ asOf: asOf(micros), pageSize: 1000, showDeleted: true })).agents).toEqual(agents);
      expect((await who.groups.listGroups({ asOf: asOf(micros), pageSize: 1000, showDeleted: true })).groups).toEqual(groups);
      for (const workload of workloads) expect((await who.agents.getWorkload({ agentId: workload.agentId, asOf: asOf(micros) })).workload).toEqual(workload);
    }
  });
});
