-- Refused calls are on record too. They change no row, so no trigger can tell of them, and the service's role may not write the log. This
-- function does it for that role, and can write nothing else: no entry of it looks like a change, or is in the name of Docket or the database.
-- Whoever owns the database grants it with all other functions, see migrate.ts.

-- Writes one entry for each of the calls in a JSON array, at the time that it is. Each stands for `count` refused calls that were alike: the
-- caller, the RPC, the status and its reason, and the first call's own request id and reason; its times are told in milliseconds before now.
-- An empty `rpc` stands for calls of several RPCs: then the entry is about `*`.
CREATE FUNCTION record_refused_calls(calls jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
DECLARE
  at timestamptz := docket_now();
BEGIN
  IF EXISTS (SELECT FROM jsonb_to_recordset(calls) AS c(actor_kind text) WHERE c.actor_kind IS NULL OR c.actor_kind NOT IN ('USER', 'SERVICE')) THEN
    RAISE EXCEPTION 'a refused call is that of a user or a service' USING ERRCODE = 'insufficient_privilege';
  END IF;
  -- The transaction has its id before its first entry has one: the sealer goes by that order.
  PERFORM pg_current_xact_id();
  INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
  SELECT at, c.actor, c.actor_kind, c.rpc, c.request_id, c.reason, 'call', coalesce(nullif(c.rpc, ''), '*'), 1, 'REFUSE', NULL,
    jsonb_build_object('code', c.code, 'error_reason', c.error_reason, 'count', c.count,
      'first_time', at - c.first_ms_ago * interval '1 millisecond', 'last_time', at - c.last_ms_ago * interval '1 millisecond'),
    '{}'
  FROM jsonb_to_recordset(calls) AS c(actor text, actor_kind text, rpc text, request_id uuid, reason text, code text, error_reason text, count bigint,
    first_ms_ago bigint, last_ms_ago bigint);
END $$;
