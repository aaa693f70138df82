-- The tickets of one day, in the order in which they came: $1 the day, $2 the number of the first one, $3 how many,
-- $4 groups, $5 agents in each, $6 the first user and $7 how many users; only groups
-- of one of $8 writers, number $9. Runs without triggers (row by row they would
-- take hours), hence writes what they would have written. One ticket in five is pending, given out by
-- hand in turn; the others were finished elsewhere and taken over.
WITH plan AS MATERIALIZED (
  SELECT i, 1 + i % $4::integer AS g, 1 + i / $4::integer AS number, 1 + i % ($4::integer * $5::integer) AS a,
    (hashint8(i) & 2147483647) % 100 AS dice, (hashint8(i + 1) & 2147483647) % 4 AS urgency, (hashint8(i + 2) & 2147483647) % $7::integer AS person,
    $1::date + (i - $2::bigint) * (interval '1 day' / greatest($3::integer, 1)) AS time
  FROM generate_series($2::bigint, $2::bigint + $3::integer - 1) i
  WHERE i % $4::integer % $8::integer = $9::integer
), made AS (
  INSERT INTO tickets (ticket_id, key, group_id, user_id, agent_id, status, priority, title, create_time, update_time, assign_time, resolve_time, close_time)
  SELECT uuidv7(time - clock_timestamp()), key || '-' || number, group_id, $6::bigint + person, 'agent-' || a, status, 1 + urgency, 'Cannot log in', time, time, time,
    CASE WHEN status IN (4, 5) THEN time END, CASE WHEN status = 5 THEN time END
  FROM plan
  JOIN (SELECT group_id, key, substring(key FROM 2)::integer AS g FROM groups) own USING (g)
  CROSS JOIN LATERAL (SELECT CASE WHEN dice < 10 THEN 1 WHEN dice < 16 THEN 2 WHEN dice < 20 THEN 3 WHEN dice < 45 THEN 4 WHEN dice < 95 THEN 5 ELSE 6 END AS status) state
  ORDER BY i
  RETURNING tickets.*
), logged AS (
  INSERT INTO audit_entries (time, actor, actor_kind, rpc, reason, entity_type, entity_id, version, operation, after, changed_fields)
  SELECT create_time, 'database:' || session_user, 'DATABASE', '', '', 'ticket', ticket_id::text, 1, 'CREATE', to_jsonb(made) - 'last_request', '{}'
  FROM made
)
INSERT INTO assignment_decisions (sequence, ticket_id, group_id, kind, agent_id, tie_break, business_day, time, request_key)
SELECT nextval('assignment_sequence'), ticket_id, group_id, 'MANUAL', agent_id, 'NONE', $1::date, create_time, ticket_id FROM made WHERE status <= 3
