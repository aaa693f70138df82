-- L64: what L1 does, for 64 tickets at once and exactly: the 64 least assigned places, where an agent's next
-- place counts one more than his last. He gets at most his lag behind the most assigned, and his equal part.
WITH bounds AS (
  SELECT (max(assigned) - min(assigned) + $3::integer / count(*))::integer AS places FROM l1_agents
), slots AS (
  SELECT agent_id FROM l1_agents, bounds, generate_series(0, bounds.places) AS place ORDER BY assigned + place, agent_id LIMIT $3::integer
), raised AS (
  UPDATE l1_agents SET assigned = assigned + won.tickets FROM (SELECT agent_id, count(*) AS tickets FROM slots GROUP BY agent_id) won
  WHERE l1_agents.agent_id = won.agent_id
), ticket AS (
  INSERT INTO l1_tickets (ticket_id, agent_id, user_id, title) SELECT gen_random_uuid(), agent_id, $1, $2 FROM slots RETURNING *
)
INSERT INTO l1_audit (entity_id, actor, after) SELECT ticket_id, 'bench', to_jsonb(ticket) FROM ticket
