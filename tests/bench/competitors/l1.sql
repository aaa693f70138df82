-- L1: the fastest hand-written form, and unfair: the least assigned agent who is not locked just now, one
-- more for him, the ticket, an audit row. One statement, prepared, committed by itself.
WITH agent AS (
  SELECT agent_id FROM l1_agents ORDER BY assigned, agent_id FOR UPDATE SKIP LOCKED LIMIT 1
), raised AS (
  UPDATE l1_agents SET assigned = assigned + 1 FROM agent WHERE l1_agents.agent_id = agent.agent_id RETURNING l1_agents.agent_id
), ticket AS (
  INSERT INTO l1_tickets (ticket_id, agent_id, user_id, title) SELECT gen_random_uuid(), agent_id, $1, $2 FROM raised RETURNING *
)
INSERT INTO l1_audit (entity_id, actor, after) SELECT ticket_id, 'bench', to_jsonb(ticket) FROM ticket
