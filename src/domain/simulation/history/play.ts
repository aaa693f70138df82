import type { EntityManager } from '@mikro-orm/postgresql';
import type { HistorySource, SimulationSetup } from '../../../../gen/ticketing/v1/simulation_pb.ts';
import type { Context } from '../../../foundation/context.ts';
import { type Sql, sqlOf } from '../../../foundation/database/sql.ts';
import { InvalidField } from '../../../foundation/errors.ts';
import { GroupNotFound, supervisedGroups } from '../../groups/index.ts';
import { MAX_MINUTES } from '../limits.ts';
import { toHandling, toMoment } from '../message.ts';
import type { Play, PlayResult } from '../player.ts';
import { toScenarios } from '../setup.ts';
import { rehearse } from '../stage.ts';
import { readHandling } from './handling.ts';
import { findRange, microsOfColumn, type Range, toMoment as toMomentOfMicros } from './range.ts';
import { readHistory } from './read.ts';
import { findLastNumber } from './standing.ts';

/**
 * Rehearses history of groups. All of it is read in one read-only transaction, so that everything is seen at one
 * instant; it is read page by page, as fast as it is played.
 * @throws GroupNotFound for groups that are not the caller's; HistoryIncomplete; InvalidField.
 */
export async function rehearseHistory(source: HistorySource, setup: SimulationSetup, ctx: Context): Promise<PlayResult> {
  return ctx.em.transactional(
    async (em: EntityManager) => {
      const sql = sqlOf(em, ctx.signal);
      await sql(`SELECT set_config('statement_timeout', $1, true), set_config('cursor_tuple_fraction', '1', true)`, [String(MAX_MINUTES * 60_000)]);
      const told = await findTold(sql, ctx, source.groupIds);
      const range = await findRange(sql, { groupIds: told, ...(await readTimes(sql, source)) });
      const play = await toHistoryPlay(sql, range, told, setup);
      const handling = setup.handling?.fromHistory ? await readHandling(sql, range) : new Map<string, number>();
      const counted = new Set(told);
      const steps = readHistory(sql, range, { counts: (groupId) => counted.has(groupId), handlingMs: (ticketId) => handling.get(ticketId) });
      return rehearse(play, steps, ctx.signal);
    },
    { readOnly: true, isolationLevel: 'repeatable read' },
  );
}

/** The groups that are told, in the form of the database; throws GroupNotFound for one that is not there, or not the caller's. */
async function findTold(sql: Sql, { caller }: Context, groupIds: readonly string[]): Promise<string[]> {
  const everything = caller.roles.has('admin') || caller.roles.has('auditor');
  const scope = everything ? 'all' : await supervisedGroups({ sql, caller });
  const rows = await sql<{ group_id: string }>('SELECT group_id FROM groups WHERE group_id = ANY ($1::uuid[])', [groupIds]);
  const there = new Set(rows.map((row) => row.group_id));
  return groupIds.map((asked) => {
    const groupId = asked.toLowerCase();
    if (!there.has(groupId) || (scope !== 'all' && !scope.includes(groupId))) throw new GroupNotFound(asked);
    return groupId;
  });
}

async function readTimes(sql: Sql, { lastDays, startTime, endTime }: HistorySource): Promise<{ startTime: number; endTime: number }> {
  const [clock] = await sql<{ micros: string }>(`SELECT ${microsOfColumn('docket_now()')} AS micros`);
  const now = toMomentOfMicros(clock?.micros ?? '0');
  const from = startTime ? toMoment(startTime) : now - lastDays * 86_400_000;
  if (from >= now) throw new InvalidField('setup.history.start_time', 'must be in the past');
  return { startTime: from, endTime: endTime && toMoment(endTime) < now ? toMoment(endTime) : Infinity };
}

async function toHistoryPlay(sql: Sql, range: Range, told: readonly string[], setup: SimulationSetup): Promise<Play> {
  const known = { groupIds: new Set(told), agentIds: new Set(await findMembers(sql, told, range)) };
  const [zone] = await sql<{ zone: string }>('SELECT business_time_zone AS zone FROM settings');
  return {
    scenarios: toScenarios(setup.scenarios, known, told),
    groupIds: told,
    hours: new Map(),
    zone: zone?.zone ?? 'UTC',
    startTime: range.startTime,
    daysAreTold: true,
    handOutIsTold: true,
    handling: toHandling(setup.handling),
    lastNumber: await findLastNumber(sql, range),
    groups: [],
    agents: [],
    pattern: undefined,
    stepField: undefined,
    historic: true,
    endTime: Number.isFinite(range.endTime) ? range.endTime : undefined,
  };
}

/** Agents who were in the told groups at any time: those that scenarios may change, and that are told. */
async function findMembers(sql: Sql, groupIds: readonly string[], { agentIds }: Range): Promise<string[]> {
  const rows = await sql<{ agent_id: string }>(
    `SELECT DISTINCT agent_id FROM eligibility_changes WHERE kind = 'MEMBERSHIP' AND group_id = ANY ($1::uuid[]) AND agent_id = ANY ($2::text[])`,
    [groupIds, agentIds],
  );
  return rows.map((row) => row.agent_id);
}
