-- Groups with agents of their own, each group a pool, as if they had been made before everything else; by raw SQL, and
-- on record as such. $1 groups, $2 agents in each, $3 the first business day.
WITH made_groups AS (
  INSERT INTO groups (group_id, key, name, create_time, update_time)
  SELECT uuidv7(), 'G' || g, 'Group ' || g, $3::date, $3::date FROM generate_series(1, $1::integer) g
  RETURNING group_id, substring(key FROM 2)::integer AS g
), made_agents AS (
  INSERT INTO agents (agent_id, create_time, update_time)
  SELECT 'agent-' || a, $3::date, $3::date FROM generate_series(1, $1::integer * $2::integer) a
  RETURNING agent_id, substring(agent_id FROM 7)::integer AS a
), made_pools AS (
  INSERT INTO pools (sequence) SELECT g FROM generate_series(1, $1::integer) g RETURNING pool_id, sequence AS g
), made_memberships AS (
  INSERT INTO memberships (group_id, agent_id, create_time, update_time)
  SELECT group_id, agent_id, $3::date, $3::date FROM made_agents JOIN made_groups ON g = 1 + (a - 1) % $1::integer
), made_group_pools AS (
  INSERT INTO group_pools (group_id, pool_id) SELECT group_id, pool_id FROM made_groups JOIN made_pools USING (g)
), made_group_counters AS (
  INSERT INTO group_counters (group_id) SELECT group_id FROM made_groups
)
INSERT INTO agent_counters (agent_id) SELECT agent_id FROM made_agents
