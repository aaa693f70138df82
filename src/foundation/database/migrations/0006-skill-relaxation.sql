-- Required skills that relax with waiting time. When a ticket began to wait is a fact of its own; up to which instant the
-- waiting of a group has been put into effect is on record in the one sequence, so that whoever waits in vain can be told.

ALTER TABLE groups ADD COLUMN skill_relaxation_seconds integer CHECK (skill_relaxation_seconds BETWEEN 1 AND 31536000);

ALTER TABLE tickets ADD COLUMN wait_start_time timestamptz;
-- What waits already: since its creation if it was never given to anybody, else since its last change at the latest.
UPDATE tickets t SET wait_start_time =
  CASE WHEN EXISTS (SELECT FROM assignment_decisions d WHERE d.ticket_id = t.ticket_id) THEN update_time ELSE create_time END
WHERE agent_id IS NULL AND status <= 3;

-- Levels taken off each required skill for the tickets of a round.
ALTER TABLE assignment_rounds ADD COLUMN relaxed_levels integer NOT NULL DEFAULT 0;

-- Of groups in which something waited that relaxes. `effective_time`: nothing waits there that somebody could have
-- taken at the level it had reached at that instant. `next_time`: when the job that goes on is due; null for none.
CREATE TABLE group_relaxations (
  group_id       uuid PRIMARY KEY REFERENCES groups,
  effective_time timestamptz NOT NULL DEFAULT '-infinity',
  next_time      timestamptz
) WITH (fillfactor = 50);

CREATE OR REPLACE FUNCTION group_eligibility(g groups) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('active', g.active, 'deleted', g.delete_time IS NOT NULL, 'strategy', g.strategy,
    'catch_up_limit', g.catch_up_limit, 'max_open_per_agent', g.max_open_per_agent, 'required_skills', g.required_skills,
    'skill_relaxation_seconds', g.skill_relaxation_seconds, 'prefer_previous_agent', g.prefer_previous_agent, 'policy_version', g.policy_version)
$$;

ALTER TABLE eligibility_changes DROP CONSTRAINT eligibility_changes_kind_check;
ALTER TABLE eligibility_changes ADD CONSTRAINT eligibility_changes_kind_check
  CHECK (kind IN ('AGENT', 'GROUP', 'MEMBERSHIP', 'HANDICAP', 'DAY', 'RELAXATION'));

CREATE FUNCTION group_relaxations_eligibility() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
BEGIN
  PERFORM raise_pools(ARRAY[NEW.group_id]);
  INSERT INTO eligibility_changes (kind, group_id, state)
    VALUES ('RELAXATION', NEW.group_id, jsonb_build_object('effective_micros', (extract(epoch FROM NEW.effective_time) * 1000000)::bigint));
  RETURN NULL;
END $$;
CREATE TRIGGER group_relaxations_eligibility AFTER UPDATE ON group_relaxations FOR EACH ROW
  WHEN (NEW.effective_time IS DISTINCT FROM OLD.effective_time) EXECUTE FUNCTION group_relaxations_eligibility();
