import type { Instant } from '../../foundation/clock.ts';
import { columnTexts } from '../../foundation/database/array-text.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { newId } from '../../foundation/ids.ts';
import { PlanNotFound } from './errors.ts';

/** How long a plan is kept for its caller, in minutes. */
const PLAN_MINUTES = 15;
/** How long one is kept that an operation carries out, in days. */
const PLAN_IN_USE_DAYS = 30;

/** A ticket that a plan moves: as it was, and to whom. */
export interface PlannedMove {
  readonly ticketId: string;
  readonly groupId: string;
  readonly status: number;
  readonly fromAgentId: string | null;
  readonly toAgentId: string;
}

/** Keeps what a dry run planned, for this caller; answers the token that carries it out, and until when. */
export async function storePlan(sql: Sql, actor: string, moves: readonly PlannedMove[]): Promise<{ planToken: string; expireTime: Instant }> {
  const planToken = newId();
  const [stored] = await sql<{ expire_time: Instant }>(
    `WITH plan AS (
       INSERT INTO reassignment_plans (plan_id, actor, ticket_count, expire_time)
       VALUES ($1, $2, $3, docket_now() + interval '${PLAN_MINUTES} minutes') RETURNING plan_id, expire_time
     ), moves AS (
       INSERT INTO reassignment_plan_tickets (plan_id, ticket_id, group_id, status, from_agent_id, to_agent_id)
       SELECT plan.plan_id, m.* FROM plan, unnest($4::uuid[], $5::uuid[], $6::smallint[], $7::text[], $8::text[]) AS m
     )
     SELECT expire_time::text FROM plan`,
    [planToken, actor, moves.length, ...columnTexts(moves, ['ticketId', 'groupId', 'status', 'fromAgentId', 'toAgentId'])],
  );
  return { planToken, expireTime: stored?.expire_time ?? '' };
}

/** How many tickets a plan of this caller moves; throws `PlanNotFound` when there is none, it was carried out, or its time is over. `lock` is `FOR UPDATE` or nothing. */
export async function getPlanSize(sql: Sql, actor: string, planToken: string, lock = ''): Promise<number> {
  const [plan] = await sql<{ ticket_count: number }>(
    `SELECT ticket_count FROM reassignment_plans WHERE plan_id = $1 AND actor = $2 AND accept_time IS NULL AND expire_time > docket_now() ${lock}`,
    [planToken, actor],
  );
  if (!plan) throw new PlanNotFound();
  return plan.ticket_count;
}

/** What a plan moves: all, or these tickets of it. */
export async function readMoves(sql: Sql, planId: string, ticketIds?: readonly string[]): Promise<Map<string, PlannedMove>> {
  const rows = await sql<PlannedMove>(
    `SELECT ticket_id AS "ticketId", group_id AS "groupId", status, from_agent_id AS "fromAgentId", to_agent_id AS "toAgentId"
     FROM reassignment_plan_tickets WHERE plan_id = $1 AND ($2::uuid[] IS NULL OR ticket_id = ANY ($2))`,
    [planId, ticketIds ?? null],
  );
  return new Map(rows.map((move) => [move.ticketId, move]));
}

/** The groups whose tickets a plan moves. */
export async function findGroupsOfPlan(sql: Sql, planId: string): Promise<string[]> {
  const rows = await sql<{ group_id: string }>('SELECT DISTINCT group_id FROM reassignment_plan_tickets WHERE plan_id = $1', [planId]);
  return rows.map((row) => row.group_id);
}

/** A query of all tickets of a plan, for an operation. */
export const planQuery = (planId: string): { readonly text: string; readonly values: readonly unknown[] } => ({
  text: 'SELECT t.ticket_id, t.priority, t.create_time FROM reassignment_plan_tickets p JOIN tickets t USING (ticket_id) WHERE p.plan_id = $1',
  values: [planId],
});

/** Which tickets a plan moves, as a condition on `t`. */
export const inPlan = (planId: string): { readonly text: string; readonly values: readonly unknown[] } => ({
  text: 't.ticket_id IN (SELECT ticket_id FROM reassignment_plan_tickets WHERE plan_id = $1)',
  values: [planId],
});

/** Forgets a plan, whose row is locked, since it is carried out at once. */
export async function deletePlan(sql: Sql, planId: string): Promise<void> {
  await sql('DELETE FROM reassignment_plans WHERE plan_id = $1', [planId]);
}

/** Marks a plan, whose row is locked, as taken over by an operation: no other one is to carry it out again. */
export async function acceptPlan(sql: Sql, planId: string): Promise<void> {
  await sql('UPDATE reassignment_plans SET accept_time = docket_now() WHERE plan_id = $1', [planId]);
}

/** Forgets plans whose time is over: for whoever made them, or for the operations that carry them out. */
export async function deleteOldPlans(sql: Sql): Promise<void> {
  await sql(
    `DELETE FROM reassignment_plans WHERE expire_time < docket_now() AND (accept_time IS NULL OR accept_time < docket_now() - interval '${PLAN_IN_USE_DAYS} days')`,
  );
}
