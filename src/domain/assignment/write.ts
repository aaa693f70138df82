import type { Unit } from '../../foundation/commands/command.ts';
import { columnTexts } from '../../foundation/database/array-text.ts';
import { fetchNumbers } from '../../foundation/database/pools.ts';
import { prepared } from '../../foundation/database/prepared.ts';
import type { Assignments, Numbers } from './assignments.ts';
import type { RosterGroup } from './roster.ts';
import { storeRound } from './stored-round.ts';

const WRITE_TICKET_NUMBERS = prepared(
  `UPDATE group_counters c SET last_ticket_number = new.number
     FROM unnest($1::uuid[], $2::bigint[]) AS new(group_id, number) WHERE c.group_id = new.group_id`,
);

const WRITE_ROUNDS = prepared(
  `INSERT INTO assignment_rounds (round_id, rule, deal_id, group_id, policy, business_day, time, relaxed_levels, agent_ids, assigned_today, handicaps,
       last_sequences, open_tickets, weights, present_ms, rooms, received, left_out_agent_ids, left_out_reasons)
     SELECT round_id, rule, deal_id, group_id, policy, business_day, $2, relaxed_levels, agent_ids, assigned_today, handicaps,
       last_sequences, open_tickets, weights, present_ms, rooms, received, left_out_agent_ids, left_out_reasons
     FROM jsonb_to_recordset($1) AS new(round_id bigint, rule text, deal_id bigint, group_id uuid, policy jsonb, business_day date, relaxed_levels integer,
       agent_ids text[], assigned_today integer[], handicaps integer[], last_sequences bigint[], open_tickets integer[], weights integer[], present_ms bigint[], rooms integer[],
       received integer[], left_out_agent_ids text[], left_out_reasons text[])`,
);

const WRITE_DECISIONS = prepared(
  `INSERT INTO assignment_decisions (sequence, ticket_id, group_id, kind, round_id, position, agent_id, previous_agent_id, tie_break, business_day, request_key, time)
     SELECT *, $12::timestamptz FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::integer[], $7::text[], $8::text[], $9::text[], $10::date[], $11::uuid[])`,
);

const WRITE_RELEASES = prepared(
  `INSERT INTO assignment_releases (sequence, ticket_id, group_id, agent_id, resolved, business_day, request_key, time)
     SELECT *, $8::timestamptz FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::text[], $5::boolean[], $6::date[], $7::uuid[])`,
);

const WRITE_AGENT_COUNTERS = prepared(
  `UPDATE agent_counters c SET business_day = new.business_day, assigned_today = new.assigned_today, resolved_today = new.resolved_today,
       total_assigned = new.total_assigned, total_resolved = new.total_resolved, open_tickets = new.open_tickets,
       last_assigned_sequence = new.last_sequence, last_assign_time = new.last_assign_time
     FROM unnest($1::text[], $2::date[], $3::integer[], $4::integer[], $5::bigint[], $6::bigint[], $7::integer[], $8::bigint[], $9::timestamptz[])
       AS new(agent_id, business_day, assigned_today, resolved_today, total_assigned, total_resolved, open_tickets, last_sequence, last_assign_time)
     WHERE c.agent_id = new.agent_id`,
);

/**
 * Takes `count` numbers of the assignment sequence, those first that the unit fetched along with its locks; unused
 * ones leave gaps, which mean nothing. A dry unit counts from beyond all real numbers instead.
 */
export async function takeNumbers(unit: Unit, count: number): Promise<Numbers> {
  if (unit.dryRun) {
    let upcoming = 2 ** 52;
    return {
      next: () => upcoming++,
      get upcoming() {
        return upcoming;
      },
    };
  }
  const numbers = unit.numbers.length < count ? await fetchNumbers(unit.sql, count) : unit.numbers;
  // What is left of earlier ones is lower than these, or than what a trigger takes meanwhile.
  if (numbers !== unit.numbers) unit.numbers.length = 0;
  return {
    next() {
      const number = numbers.shift();
      if (number === undefined) throw new Error(`a plan needs more than the ${count} numbers it took`);
      return number;
    },
    get upcoming() {
      return numbers[0] ?? Infinity;
    },
  };
}

/** Stores rounds, decisions, releases and counters: a fixed number of statements, however many tickets. */
export function writeAssignments(unit: Unit, assignments: Assignments): void {
  writeRounds(unit, assignments);
  writeDecisions(unit, assignments);
  writeReleases(unit, assignments);
  writeAgentCounters(unit, assignments);
}

/** Stores how far the ticket keys of groups have been counted. */
export function writeTicketNumbers(unit: Unit, groups: Iterable<RosterGroup>): void {
  const changed = [...groups];
  if (changed.length === 0) return;
  unit.send(WRITE_TICKET_NUMBERS, [...columnTexts(changed, ['groupId', 'lastTicketNumber'])]);
}

function writeRounds(unit: Unit, { rounds }: Assignments): void {
  if (rounds.length === 0) return;
  const rows = rounds.map(({ roundId, record }) => ({ round_id: roundId, ...storeRound(record) }));
  unit.send(WRITE_ROUNDS, [JSON.stringify(rows), unit.now]);
}

function writeDecisions(unit: Unit, { decisions }: Assignments): void {
  if (decisions.length === 0) return;
  unit.send(WRITE_DECISIONS, [
    ...columnTexts(decisions, [
      'sequence',
      'ticketId',
      'groupId',
      'kind',
      'roundId',
      'position',
      'agentId',
      'previousAgentId',
      'tieBreak',
      'businessDay',
      'requestKey',
    ]),
    unit.now,
  ]);
}

function writeReleases(unit: Unit, { releases }: Assignments): void {
  if (releases.length === 0) return;
  unit.send(WRITE_RELEASES, [...columnTexts(releases, ['sequence', 'ticketId', 'groupId', 'agentId', 'resolved', 'businessDay', 'requestKey']), unit.now]);
}

function writeAgentCounters(unit: Unit, { touched }: Assignments): void {
  if (touched.size === 0) return;
  const agents = [...touched];
  unit.send(WRITE_AGENT_COUNTERS, [
    ...columnTexts(agents, [
      'agentId',
      'businessDay',
      'assignedToday',
      'resolvedToday',
      'totalAssigned',
      'totalResolved',
      'openTickets',
      'lastAssignedSequence',
      'lastAssignTime',
    ]),
  ]);
}
