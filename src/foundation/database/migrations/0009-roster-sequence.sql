-- What processes remember of a roster stays true while others only give out tickets: changes of the roster have a sequence of their own,
-- so that a process that comes back to a pool reads its counters and nothing else.

ALTER TABLE pools ADD COLUMN roster_sequence bigint NOT NULL DEFAULT 0;

-- A pool may be merged away, or a group move to another, while its lock is waited for: then the pools that are there now are locked too.
CREATE OR REPLACE FUNCTION raise_pools(touched_groups uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  touched bigint[];
BEGIN
  LOOP
    touched := ARRAY(SELECT DISTINCT pool_id FROM group_pools WHERE group_id = ANY (touched_groups) ORDER BY pool_id);
    PERFORM FROM pools WHERE pool_id = ANY (touched) ORDER BY pool_id FOR UPDATE;
    EXIT WHEN touched = ARRAY(SELECT DISTINCT pool_id FROM group_pools WHERE group_id = ANY (touched_groups) ORDER BY pool_id);
  END LOOP;
  UPDATE pools SET sequence = sequence + 1, roster_sequence = roster_sequence + 1 WHERE pool_id = ANY (touched);
END $$;

CREATE OR REPLACE FUNCTION group_pools_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
BEGIN
  PERFORM FROM pools WHERE pool_id IN (OLD.pool_id, NEW.pool_id) ORDER BY pool_id FOR UPDATE;
  UPDATE pools SET sequence = sequence + 1, roster_sequence = roster_sequence + 1 WHERE pool_id IN (OLD.pool_id, NEW.pool_id);
  RETURN NULL;
END $$;
