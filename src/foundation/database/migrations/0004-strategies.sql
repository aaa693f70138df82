-- More strategies. What their choices depend on is in the one sequence and in the rounds: weights of agents, and how long
-- each was present. Presence is written by trigger, so that raw SQL counts too.

ALTER TABLE groups DROP CONSTRAINT groups_strategy_check;
ALTER TABLE groups ADD CONSTRAINT groups_strategy_check
  CHECK (strategy IN ('LEAST_ASSIGNED_TODAY', 'MANUAL', 'ROUND_ROBIN', 'FEWEST_OPEN', 'ASSIGNED_PER_HOUR_PRESENT', 'WEIGHTED'));

ALTER TABLE assignment_decisions DROP CONSTRAINT assignment_decisions_tie_break_check;
ALTER TABLE assignment_decisions ADD CONSTRAINT assignment_decisions_tie_break_check
  CHECK (tie_break IN ('NONE', 'ONLY_CANDIDATE', 'PREVIOUS_AGENT', 'FEWEST_RECEIVED', 'FEWEST_ASSIGNED_TODAY', 'LEAST_RECENTLY_ASSIGNED', 'AGENT_ID',
    'FEWEST_OPEN_TICKETS', 'LOWEST_RATE', 'LOWEST_SHARE'));

-- In parallel with agent_ids; null where the strategy does not look at them.
ALTER TABLE assignment_rounds ADD COLUMN weights integer[], ADD COLUMN present_ms bigint[];

-- When a pool's business day began: fixed as the pool turns to it, so that a change of the business time zone moves the
-- next day and not this one, and on record with the day.
ALTER TABLE pools ADD COLUMN day_start_time timestamptz NOT NULL DEFAULT '-infinity';

CREATE FUNCTION pools_day_start() RETURNS trigger LANGUAGE plpgsql SET search_path = docket, pg_temp AS $$
BEGIN
  NEW.day_start_time := NEW.business_day::timestamp AT TIME ZONE (SELECT business_time_zone FROM settings);
  RETURN NEW;
END $$;
CREATE TRIGGER pools_day_start BEFORE UPDATE ON pools FOR EACH ROW
  WHEN (NEW.business_day IS DISTINCT FROM OLD.business_day AND NEW.day_start_time IS NOT DISTINCT FROM OLD.day_start_time) EXECUTE FUNCTION pools_day_start();

CREATE OR REPLACE FUNCTION pools_day() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
BEGIN
  IF NEW.business_day < OLD.business_day THEN
    RAISE EXCEPTION 'the business day of a pool cannot go backwards (% to %)', OLD.business_day, NEW.business_day USING ERRCODE = 'check_violation';
  END IF;
  INSERT INTO eligibility_changes (kind, state)
    SELECT 'DAY', jsonb_build_object('business_day', NEW.business_day, 'start_micros', (extract(epoch FROM NEW.day_start_time) * 1000000)::bigint,
      'group_ids', coalesce(jsonb_agg(group_id ORDER BY group_id), '[]'))
    FROM group_pools WHERE pool_id = NEW.pool_id;
  RETURN NULL;
END $$;
DROP TRIGGER pools_day ON pools;
CREATE TRIGGER pools_day AFTER UPDATE ON pools FOR EACH ROW
  WHEN (NEW.business_day IS DISTINCT FROM OLD.business_day OR NEW.day_start_time IS DISTINCT FROM OLD.day_start_time) EXECUTE FUNCTION pools_day();
UPDATE pools SET day_start_time = business_day::timestamp AT TIME ZONE (SELECT business_time_zone FROM settings) WHERE isfinite(business_day);

-- Spans in which an agent could be given work, his room and skills aside: active, not deleted, available. Written by
-- the trigger of agents alone; derived, hence not audited.
CREATE TABLE agent_presence (
  presence_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  agent_id    text COLLATE "C" NOT NULL REFERENCES agents,
  start_time  timestamptz NOT NULL,
  end_time    timestamptz
);
CREATE UNIQUE INDEX agent_presence_open ON agent_presence (agent_id) WHERE end_time IS NULL;
CREATE INDEX agent_presence_of_agent ON agent_presence (agent_id, end_time);

CREATE FUNCTION is_present(a agents) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT a.active AND a.delete_time IS NULL AND a.availability = 'AVAILABLE'
$$;

CREATE OR REPLACE FUNCTION agent_eligibility(a agents) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('active', a.active, 'deleted', a.delete_time IS NOT NULL, 'availability', a.availability,
    'skills', a.skills, 'weight', a.weight, 'max_open_tickets', a.max_open_tickets)
$$;

-- The time of a change is read after the pools are held, once: the record and the presence begin at the same instant.
CREATE OR REPLACE FUNCTION agents_eligibility() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
DECLARE
  changed agents[];
  at timestamptz;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(n ORDER BY n.agent_id) INTO changed FROM new_rows n;
  ELSE
    SELECT array_agg(n ORDER BY n.agent_id) INTO changed FROM new_rows n JOIN old_rows o USING (agent_id)
      WHERE agent_eligibility(n::agents) IS DISTINCT FROM agent_eligibility(o::agents);
  END IF;
  IF changed IS NULL THEN RETURN NULL; END IF;
  PERFORM raise_pools((SELECT array_agg(m.group_id) FROM memberships m JOIN unnest(changed) c ON c.agent_id = m.agent_id));
  at := docket_now();
  INSERT INTO eligibility_changes (time, kind, agent_id, state) SELECT at, 'AGENT', c.agent_id, agent_eligibility(c) FROM unnest(changed) c;
  UPDATE agent_presence p SET end_time = at FROM unnest(changed) c WHERE p.agent_id = c.agent_id AND p.end_time IS NULL AND NOT is_present(c);
  INSERT INTO agent_presence (agent_id, start_time)
    SELECT c.agent_id, at FROM unnest(changed) c
    WHERE is_present(c) AND NOT EXISTS (SELECT FROM agent_presence p WHERE p.agent_id = c.agent_id AND p.end_time IS NULL);
  RETURN NULL;
END $$;

-- What the record says of the time before: presence from the changes, and the weights that no change has on record yet.
INSERT INTO agent_presence (agent_id, start_time, end_time)
SELECT agent_id, time, until FROM (
  SELECT agent_id, time, present, lead(time) OVER (PARTITION BY agent_id ORDER BY sequence) AS until FROM (
    SELECT agent_id, sequence, time, present, lag(present) OVER (PARTITION BY agent_id ORDER BY sequence) AS before FROM (
      SELECT agent_id, sequence, time,
        (state ->> 'active')::boolean AND NOT (state ->> 'deleted')::boolean AND state ->> 'availability' = 'AVAILABLE' AS present
      FROM eligibility_changes WHERE kind = 'AGENT'
    ) said
  ) turned WHERE present IS DISTINCT FROM before
) spans WHERE present;
INSERT INTO eligibility_changes (kind, agent_id, state) SELECT 'AGENT', agent_id, agent_eligibility(a) FROM agents a WHERE weight <> 1 ORDER BY agent_id;
