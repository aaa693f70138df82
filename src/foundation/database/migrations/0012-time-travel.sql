-- Reading the past. A row at an instant is what the first later entry of the log says it was before, else the row as it is now.

-- Which transactions have begun to write in this database and have not ended, prepared ones too, and when each began; null where that is not to be
-- learnt (somebody else's session, a prepared transaction). What they have not committed yet may carry a time that is past already, but
-- none before they began. As the owner: the service's role does not see when its own sessions began.
-- Not by a snapshot: the newest of them lie beyond its end and are not in it.
CREATE FUNCTION writers_under_way() RETURNS TABLE (transaction_id xid, start_time timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = docket, pg_temp AS $$
BEGIN
  -- In a test whose clock was set back they began earlier by that clock; one that is ahead may have been moved since, and does not count.
  RETURN QUERY SELECT a.backend_xid, a.xact_start + least(docket_now() - own.query_start, interval '0')
    FROM pg_stat_activity own JOIN pg_stat_activity a ON a.datid = own.datid
    WHERE own.pid = pg_backend_pid() AND a.backend_xid IS NOT NULL;
  -- After the sessions: a transaction that is being prepared is met in one of the two at least.
  RETURN QUERY SELECT p.transaction, NULL::timestamptz FROM pg_prepared_xacts p WHERE p.database = current_database();
END $$;

-- What is gone from its table, and tickets that were changed past Docket, whose agents no decision tells: few, so the index costs next to nothing.
CREATE INDEX audit_entries_unforeseen ON audit_entries (entity_type, time) WHERE operation = 'DELETE' OR (operation = 'UPDATE' AND actor_kind = 'DATABASE');

-- Lists of the past go by these, so they must be the same at every instant.
CREATE TRIGGER tickets_place_stays BEFORE UPDATE ON tickets FOR EACH ROW
  WHEN (NEW.create_time IS DISTINCT FROM OLD.create_time OR NEW.key IS DISTINCT FROM OLD.key) EXECUTE FUNCTION refuse_key_change();
