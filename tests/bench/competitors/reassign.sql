-- What an operation leaves behind, by one statement for all tickets: they go to the members of the group in turn, each to another than
-- before. $1 the group, $2 the request, $3 how far the turn is shifted. Tickets under Docket's own triggers, decisions, releases, counters.
WITH clock AS MATERIALIZED (
  SELECT docket_now() AS now
), members AS MATERIALIZED (
  SELECT agent_id, row_number() OVER (ORDER BY agent_id) - 1 AS at, count(*) OVER () AS members FROM memberships WHERE group_id = $1
), dealt AS MATERIALIZED (
  SELECT t.ticket_id, t.agent_id AS old, m.agent_id AS new, nextval('assignment_sequence') AS number
  FROM (
    SELECT ticket_id, agent_id, row_number() OVER (ORDER BY priority DESC, create_time, ticket_id) - 1 AS place
    FROM tickets WHERE group_id = $1 AND title = 'To be dealt out' AND status <= 3
  ) t JOIN members m ON m.at = (t.place + $3::bigint) % m.members
), moved AS (
  UPDATE tickets t SET agent_id = d.new, assign_time = clock.now, update_time = clock.now, last_request = $2 FROM dealt d, clock WHERE t.ticket_id = d.ticket_id
), released AS (
  INSERT INTO assignment_releases (sequence, ticket_id, group_id, agent_id, resolved, business_day, request_key, time)
  SELECT number, ticket_id, $1, old, false, now::date, $2, now FROM dealt, clock
), decided AS (
  INSERT INTO assignment_decisions (sequence, ticket_id, group_id, kind, round_id, position, agent_id, previous_agent_id, tie_break, business_day, request_key, time)
  SELECT number + 1, ticket_id, $1, 'REASSIGN', 1, 0, new, old, 'FEWEST_RECEIVED', now::date, $2, now FROM dealt, clock
)
UPDATE agent_counters c SET business_day = now::date, assigned_today = assigned_today + won.tickets, total_assigned = total_assigned + won.tickets,
  open_tickets = open_tickets + won.tickets - coalesce(lost.tickets, 0), last_assigned_sequence = won.last, last_assign_time = now
FROM clock, (SELECT new AS agent_id, count(*) AS tickets, max(number) + 1 AS last FROM dealt GROUP BY 1) won
LEFT JOIN (SELECT old AS agent_id, count(*) AS tickets FROM dealt GROUP BY 1) lost USING (agent_id)
WHERE c.agent_id = won.agent_id
