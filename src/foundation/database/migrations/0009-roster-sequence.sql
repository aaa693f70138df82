-- What processes remember of a roster stays true while others only give out tickets: changes of the roster have a sequence of their own,
-- so that a process that comes back to a pool reads its counters and nothing else.

ALTER TABLE pools ADD COLUMN roster_sequence bigint NOT NULL DEFAULT 0;

CREATE OR REPLACE FUNCTION raise_pools(touched_groups uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  touched bigint[];
BEGIN
  SELECT array_agg(p.pool_id) INTO touched FROM (
    SELECT pool_id FROM pools WHERE pool_id IN (SELECT pool_id FROM group_pools WHERE group_id = ANY (touched_groups))
    ORDER BY pool_id FOR UPDATE
  ) p;
  UPDATE pools SET sequence = sequence + 1, roster_sequence = roster_sequence + 1 WHERE pool_id = ANY (touched);
END $$;

CREATE OR REPLACE FUNCTION group_pools_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
BEGIN
  PERFORM FROM pools WHERE pool_id IN (OLD.pool_id, NEW.pool_id) ORDER BY pool_id FOR UPDATE;
  UPDATE pools SET sequence = sequence + 1, roster_sequence = roster_sequence + 1 WHERE pool_id IN (OLD.pool_id, NEW.pool_id);
  RETURN NULL;
END $$;
