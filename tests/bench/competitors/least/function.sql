-- One call for a batch: what Docket writes for created tickets, in one round trip, and not one look more than the pool's lock.
CREATE FUNCTION docket.create_least(
  in_group uuid, last_number bigint, at timestamptz, ticket_ids uuid[], user_ids bigint[], titles text[], agent_ids text[], keys uuid[],
  rpc text, request_keys uuid[], request_ids uuid[], hashes bytea[], answers bytea[]
) RETURNS void LANGUAGE plpgsql SET search_path = docket, pg_temp AS $$
#variable_conflict use_column
DECLARE
  first_number bigint;
BEGIN
  PERFORM FROM pools WHERE pool_id = (SELECT pool_id FROM group_pools WHERE group_id = in_group) FOR UPDATE;
  UPDATE pools SET sequence = sequence + 1 WHERE pool_id = (SELECT pool_id FROM group_pools WHERE group_id = in_group);
  first_number := nextval('assignment_sequence') * 1024;
  INSERT INTO requests (request_key, actor, actor_kind, rpc, request_id, reason, body_hash, answer)
    SELECT key, 'least', 'SERVICE', create_least.rpc, id, '', hash, answer
    FROM unnest(request_keys, request_ids, hashes, answers) AS new(key, id, hash, answer);
  INSERT INTO tickets (ticket_id, key, group_id, user_id, agent_id, status, priority, title, create_time, update_time, assign_time, wait_start_time, last_request)
    SELECT id, 'G1-' || last_number - cardinality(ticket_ids) + place, in_group, user_id, agent_id, 1, 2, title, at, at, at, at, key
    FROM unnest(ticket_ids, user_ids, titles, agent_ids, keys) WITH ORDINALITY AS new(id, user_id, title, agent_id, key, place);
  UPDATE group_counters SET last_ticket_number = last_number WHERE group_id = in_group;
  INSERT INTO assignment_decisions (sequence, ticket_id, group_id, kind, round_id, position, agent_id, tie_break, business_day, request_key, time)
    SELECT first_number + place, id, in_group, 'CREATE', 1, place, agent_id, 'LEAST_RECENTLY_ASSIGNED', at::date, key, at
    FROM unnest(ticket_ids, agent_ids, keys) WITH ORDINALITY AS new(id, agent_id, key, place);
  UPDATE agent_counters c SET assigned_today = assigned_today + won, total_assigned = total_assigned + won, open_tickets = open_tickets + won,
      last_assigned_sequence = first_number, last_assign_time = at
    FROM (SELECT agent_id, count(*) AS won FROM unnest(agent_ids) AS new(agent_id) GROUP BY agent_id) new WHERE c.agent_id = new.agent_id;
END $$
