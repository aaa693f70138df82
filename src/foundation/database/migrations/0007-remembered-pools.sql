-- What processes remember of a pool is true as long as its sequence is what they left behind: whatever they remember
-- raises it when it changes, by whomever.

CREATE OR REPLACE FUNCTION handicaps_eligibility() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
BEGIN
  PERFORM raise_pools((SELECT array_agg(group_id) FROM changed_rows));
  INSERT INTO eligibility_changes (kind, group_id, agent_id, state)
    SELECT 'HANDICAP', group_id, agent_id, jsonb_build_object('business_day', business_day, 'handicap', CASE WHEN TG_OP = 'DELETE' THEN 0 ELSE handicap END)
    FROM changed_rows ORDER BY group_id, agent_id;
  RETURN NULL;
END $$;

-- Merging and splitting pools.
CREATE FUNCTION group_pools_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
BEGIN
  PERFORM FROM pools WHERE pool_id IN (OLD.pool_id, NEW.pool_id) ORDER BY pool_id FOR UPDATE;
  UPDATE pools SET sequence = sequence + 1 WHERE pool_id IN (OLD.pool_id, NEW.pool_id);
  RETURN NULL;
END $$;
CREATE TRIGGER group_pools_moved AFTER UPDATE ON group_pools FOR EACH ROW
  WHEN (NEW.pool_id IS DISTINCT FROM OLD.pool_id) EXECUTE FUNCTION group_pools_moved();

-- Tickets carry it in their own keys, so it never changes.
CREATE TRIGGER groups_name_stays BEFORE UPDATE ON groups FOR EACH ROW
  WHEN (NEW.key IS DISTINCT FROM OLD.key) EXECUTE FUNCTION refuse_key_change();
