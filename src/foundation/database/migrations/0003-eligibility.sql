-- Every change of who may be given work, or by which rule, is numbered in the same sequence as the
-- decisions and raises its pools' sequence. By trigger, so that raw SQL is on record too. Raising the
-- pool takes its lock: a number is taken only when no batch of that pool is under way.

CREATE FUNCTION raise_pools(touched_groups uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  touched bigint[];
BEGIN
  SELECT array_agg(p.pool_id) INTO touched FROM (
    SELECT pool_id FROM pools WHERE pool_id IN (SELECT pool_id FROM group_pools WHERE group_id = ANY (touched_groups))
    ORDER BY pool_id FOR UPDATE
  ) p;
  UPDATE pools SET sequence = sequence + 1 WHERE pool_id = ANY (touched);
END $$;

CREATE FUNCTION agent_eligibility(a agents) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('active', a.active, 'deleted', a.delete_time IS NOT NULL, 'availability', a.availability,
    'skills', a.skills, 'max_open_tickets', a.max_open_tickets)
$$;

CREATE FUNCTION group_eligibility(g groups) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('active', g.active, 'deleted', g.delete_time IS NOT NULL, 'strategy', g.strategy,
    'catch_up_limit', g.catch_up_limit, 'max_open_per_agent', g.max_open_per_agent, 'required_skills', g.required_skills,
    'prefer_previous_agent', g.prefer_previous_agent, 'policy_version', g.policy_version)
$$;

CREATE FUNCTION agents_eligibility() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
DECLARE
  changed agents[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(n ORDER BY n.agent_id) INTO changed FROM new_rows n;
  ELSE
    SELECT array_agg(n ORDER BY n.agent_id) INTO changed FROM new_rows n JOIN old_rows o USING (agent_id)
      WHERE agent_eligibility(n::agents) IS DISTINCT FROM agent_eligibility(o::agents);
  END IF;
  IF changed IS NULL THEN RETURN NULL; END IF;
  PERFORM raise_pools((SELECT array_agg(m.group_id) FROM memberships m JOIN unnest(changed) c ON c.agent_id = m.agent_id));
  INSERT INTO eligibility_changes (kind, agent_id, state) SELECT 'AGENT', c.agent_id, agent_eligibility(c) FROM unnest(changed) c;
  RETURN NULL;
END $$;
CREATE TRIGGER agents_eligibility_insert AFTER INSERT ON agents REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION agents_eligibility();
CREATE TRIGGER agents_eligibility_update AFTER UPDATE ON agents REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION agents_eligibility();

CREATE FUNCTION groups_eligibility() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
DECLARE
  changed groups[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(n ORDER BY n.group_id) INTO changed FROM new_rows n;
  ELSE
    SELECT array_agg(n ORDER BY n.group_id) INTO changed FROM new_rows n JOIN old_rows o USING (group_id)
      WHERE group_eligibility(n::groups) IS DISTINCT FROM group_eligibility(o::groups);
  END IF;
  IF changed IS NULL THEN RETURN NULL; END IF;
  PERFORM raise_pools((SELECT array_agg(c.group_id) FROM unnest(changed) c));
  INSERT INTO eligibility_changes (kind, group_id, state) SELECT 'GROUP', c.group_id, group_eligibility(c) FROM unnest(changed) c;
  RETURN NULL;
END $$;
CREATE TRIGGER groups_eligibility_insert AFTER INSERT ON groups REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION groups_eligibility();
CREATE TRIGGER groups_eligibility_update AFTER UPDATE ON groups REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION groups_eligibility();

CREATE FUNCTION memberships_eligibility() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
BEGIN
  PERFORM raise_pools((SELECT array_agg(group_id) FROM changed_rows));
  INSERT INTO eligibility_changes (kind, group_id, agent_id, state)
    SELECT 'MEMBERSHIP', group_id, agent_id, jsonb_build_object('member', TG_OP = 'INSERT') FROM changed_rows ORDER BY group_id, agent_id;
  RETURN NULL;
END $$;
CREATE TRIGGER memberships_eligibility_insert AFTER INSERT ON memberships REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION memberships_eligibility();
CREATE TRIGGER memberships_eligibility_delete AFTER DELETE ON memberships REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION memberships_eligibility();

CREATE FUNCTION handicaps_eligibility() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
BEGIN
  INSERT INTO eligibility_changes (kind, group_id, agent_id, state)
    SELECT 'HANDICAP', group_id, agent_id, jsonb_build_object('business_day', business_day, 'handicap', CASE WHEN TG_OP = 'DELETE' THEN 0 ELSE handicap END)
    FROM changed_rows ORDER BY group_id, agent_id;
  RETURN NULL;
END $$;
CREATE TRIGGER handicaps_eligibility_insert AFTER INSERT ON handicaps REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION handicaps_eligibility();
CREATE TRIGGER handicaps_eligibility_update AFTER UPDATE ON handicaps REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION handicaps_eligibility();
CREATE TRIGGER handicaps_eligibility_delete AFTER DELETE ON handicaps REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION handicaps_eligibility();

-- A pool's new day is on record with the groups it holds.
CREATE FUNCTION pools_day() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
BEGIN
  IF NEW.business_day < OLD.business_day THEN
    RAISE EXCEPTION 'the business day of a pool cannot go backwards (% to %)', OLD.business_day, NEW.business_day USING ERRCODE = 'check_violation';
  END IF;
  INSERT INTO eligibility_changes (kind, state)
    SELECT 'DAY', jsonb_build_object('business_day', NEW.business_day, 'group_ids', coalesce(jsonb_agg(group_id ORDER BY group_id), '[]'))
    FROM group_pools WHERE pool_id = NEW.pool_id;
  RETURN NULL;
END $$;
CREATE TRIGGER pools_day AFTER UPDATE ON pools FOR EACH ROW WHEN (NEW.business_day IS DISTINCT FROM OLD.business_day) EXECUTE FUNCTION pools_day();
