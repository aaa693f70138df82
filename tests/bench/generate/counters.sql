-- Counters of agents as the decisions make them.
UPDATE agent_counters c SET business_day = own.day, assigned_today = own.today, total_assigned = own.total, open_tickets = own.total,
  last_assigned_sequence = own.sequence, last_assign_time = own.time
FROM (
  SELECT agent_id, count(*) AS total, max(sequence) AS sequence, max(time) AS time, max(business_day) AS day,
    count(*) FILTER (WHERE business_day = last_day) AS today
  FROM (SELECT *, max(business_day) OVER (PARTITION BY agent_id) AS last_day FROM assignment_decisions) d
  GROUP BY agent_id
) own
WHERE c.agent_id = own.agent_id
