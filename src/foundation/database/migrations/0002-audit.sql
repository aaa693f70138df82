-- The audit log: written by the database itself, so that no code path can leave a hole.

CREATE SEQUENCE audit_entry_ids AS bigint;

CREATE TABLE audit_entries (
  entry_id       bigint NOT NULL DEFAULT nextval('audit_entry_ids'),
  time           timestamptz NOT NULL,
  actor          text COLLATE "C" NOT NULL,
  actor_kind     text NOT NULL,
  rpc            text COLLATE "C" NOT NULL,
  request_id     uuid,
  reason         text NOT NULL,
  entity_type    text COLLATE "C" NOT NULL,
  entity_id      text COLLATE "C" NOT NULL,
  version        bigint NOT NULL,
  operation      text NOT NULL,
  -- old values of the changed columns; the whole row of a deletion
  before         jsonb,
  -- the whole row after the change; null after a deletion
  after          jsonb,
  changed_fields text[] NOT NULL,
  transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (entry_id, time)
) PARTITION BY RANGE (time);
CREATE INDEX audit_entries_of_entity ON audit_entries (entity_type, entity_id, entry_id);
CREATE INDEX audit_entries_of_actor ON audit_entries (actor, entry_id);
CREATE INDEX audit_entries_of_request ON audit_entries (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX audit_entries_by_time ON audit_entries (time, entry_id);

-- Append-only for everybody, the owner included. Row triggers are inherited by every partition.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is not allowed', lower(TG_OP), TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Entries outside every month land here; a row in it is an alarm.
CREATE TABLE audit_entries_default PARTITION OF audit_entries DEFAULT;
CREATE TRIGGER audit_entries_default_no_truncate BEFORE TRUNCATE ON audit_entries_default FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Makes the partitions of this month and of the given number of months after it; answers how many
-- were missing. Runs as the owner, so that the service can call it without owning the log.
CREATE FUNCTION make_audit_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
DECLARE
  first_day timestamp;
  partition text;
  made integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('docket.make_audit_partitions'));
  FOR i IN 0..months_ahead LOOP
    first_day := date_trunc('month', docket_now() AT TIME ZONE 'UTC') + make_interval(months => i);
    partition := 'audit_entries_' || to_char(first_day, 'YYYY_MM');
    CONTINUE WHEN to_regclass('docket.' || partition) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE TABLE %I PARTITION OF audit_entries FOR VALUES FROM (%L) TO (%L)',
        partition, to_char(first_day, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(first_day + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
      EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
        partition || '_no_truncate', partition);
    EXCEPTION WHEN check_violation THEN
      -- The default partition holds rows of that month already: they stay there, the alarm tells, and the other months get theirs.
      CONTINUE;
    END;
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;
SELECT make_audit_partitions(12);

-- The request that a row's change belongs to: the one that the unit of work named for this
-- transaction, else the one that the row itself carries. Either is believed only if that request
-- was recorded by this very transaction; everything else is logged under the database session.
CREATE FUNCTION named_request() RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT nullif(current_setting('docket.request', true), '')::uuid
$$;

-- Raises version and update time on every update, so that raw SQL moves etags too, and refuses a
-- change of the primary key, which the audit trigger could not follow.
CREATE FUNCTION raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  IF NEW.update_time = OLD.update_time THEN
    NEW.update_time := docket.docket_now();
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION refuse_key_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the identifier of a row of % cannot be changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- Puts a table under audit. `key_columns` name the entity (joined by '/'), `secret_columns` never
-- reach the log, `request_column` is the column that carries the request of the last change, if any.
CREATE FUNCTION put_under_audit(audited text, entity_type text, key_columns text[], secret_columns text[], request_column text) RETURNS void
LANGUAGE plpgsql AS $do$
DECLARE
  hidden text[] := secret_columns || CASE WHEN request_column IS NULL THEN '{}'::text[] ELSE ARRAY[request_column] END;
  entity_id text := (SELECT string_agg(format('n.%I::text', k), $q$ || '/' || $q$) FROM unnest(key_columns) k);
  same_key text := (SELECT string_agg(format('o.%I = n.%I', k, k), ' AND ') FROM unnest(key_columns) k);
  key_moved text := (SELECT string_agg(format('OLD.%I IS DISTINCT FROM NEW.%I', k, k), ' OR ') FROM unnest(key_columns) k);
  request_of_row text := CASE WHEN request_column IS NULL THEN 'NULL::uuid' ELSE format('n.%I', request_column) END;
  body text := $body$
    CREATE FUNCTION %1$I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $f$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT at,
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        %2$L, %3$s, n.version, %4$L, %5$s
      FROM %6$s
      LEFT JOIN requests s ON s.request_key = setting AND s.transaction_id = pg_current_xact_id()
      LEFT JOIN requests r ON r.request_key = %7$s AND r.transaction_id = pg_current_xact_id()
      %8$s;
      RETURN NULL;
    END $f$ $body$;
BEGIN
  EXECUTE format(body, audited || '_audit_create', entity_type, entity_id, 'CREATE',
    format('NULL, to_jsonb(n) - %L::text[], ''{}''', hidden), 'new_rows n', request_of_row, '');
  EXECUTE format(body, audited || '_audit_update', entity_type, entity_id, 'UPDATE',
    'c.before, c.after, c.changed_fields', 'old_rows o JOIN new_rows n ON ' || same_key, request_of_row,
    -- OFFSET 0: each row is turned into JSON once, not once for every column.
    format($q$CROSS JOIN LATERAL (SELECT to_jsonb(o) - %1$L::text[] AS before, to_jsonb(n) - %1$L::text[] AS after OFFSET 0) j
      CROSS JOIN LATERAL (
        SELECT j.after,
          coalesce(jsonb_object_agg(e.key, e.value), '{}') AS before,
          coalesce(array_agg(e.key ORDER BY e.key) FILTER (WHERE e.key NOT IN ('version', 'update_time')), '{}') AS changed_fields
        FROM jsonb_each(j.before) e WHERE e.value IS DISTINCT FROM j.after -> e.key
      ) c$q$, hidden));
  EXECUTE format(body, audited || '_audit_delete', entity_type, entity_id, 'DELETE',
    format('to_jsonb(n) - %L::text[], NULL, ''{}''', hidden), 'old_rows n', 'NULL::uuid', '');

  EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION %I()', audited || '_audit_create', audited, audited || '_audit_create');
  EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION %I()', audited || '_audit_update', audited, audited || '_audit_update');
  EXECUTE format('CREATE TRIGGER %I AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION %I()', audited || '_audit_delete', audited, audited || '_audit_delete');
  EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', audited || '_no_truncate', audited);
  EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %I FOR EACH ROW WHEN (%s) EXECUTE FUNCTION refuse_key_change()', audited || '_key_stays', audited, key_moved);
  EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION raise_version()', audited || '_version', audited);
END $do$;

SELECT put_under_audit('settings', 'settings', '{settings_id}', '{}', NULL);
SELECT put_under_audit('groups', 'group', '{group_id}', '{}', NULL);
SELECT put_under_audit('agents', 'agent', '{agent_id}', '{}', NULL);
SELECT put_under_audit('memberships', 'membership', '{group_id,agent_id}', '{}', NULL);
SELECT put_under_audit('tickets', 'ticket', '{ticket_id}', '{}', 'last_request');
SELECT put_under_audit('service_tokens', 'service_token', '{token_id}', '{secret_hash}', NULL);

INSERT INTO settings DEFAULT VALUES;
