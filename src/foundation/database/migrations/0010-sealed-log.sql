-- The audit log proves itself: entries are numbered and chained by hashes after their commit, so that no change of the log stays unseen.
-- What is hashed, and how, is written down in docs/audit-log.md.

-- One for each run of entries that were sealed together; kept for ever, also when the entries' month is dropped.
CREATE TABLE audit_seals (
  seal             bigint PRIMARY KEY CHECK (seal BETWEEN 1 AND 9007199254740991),
  -- raised when the database is found to be an older state of itself: restored from a backup
  epoch            integer NOT NULL,
  first_sequence   bigint NOT NULL,
  last_sequence    bigint NOT NULL CHECK (last_sequence <= 9007199254740991),
  -- of the calendar month (UTC) that all its entries are of: a month is dropped with all its seals' entries
  month            date NOT NULL,
  merkle_root      bytea NOT NULL,
  previous_hash    bytea NOT NULL,
  hash             bytea NOT NULL,
  time             timestamptz NOT NULL,
  key_id           text COLLATE "C",
  signature        bytea,
  -- no entry up to this one is left unsealed
  settled_entry_id bigint NOT NULL,
  -- which server wrote it, and up to which entry the epoch takes entries whatever their transaction
  server           text NOT NULL,
  epoch_entry_id   bigint NOT NULL
);
CREATE INDEX audit_seals_by_sequence ON audit_seals (last_sequence);

CREATE TABLE sealed_entries (
  sequence bigint NOT NULL,
  seal     bigint NOT NULL,
  entry_id bigint NOT NULL,
  -- of the entry: both tables have the same months
  time     timestamptz NOT NULL,
  -- random: 16 bytes for each value that has a digest and is still there, in order of the values' names
  salts    bytea NOT NULL,
  leaf     bytea NOT NULL,
  -- of the values that were erased, by their names
  digests  jsonb,
  PRIMARY KEY (sequence, time)
) PARTITION BY RANGE (time);
CREATE INDEX sealed_entries_of_entry ON sealed_entries (entry_id);
CREATE TABLE sealed_entries_default PARTITION OF sealed_entries DEFAULT;

CREATE TRIGGER audit_seals_append_only BEFORE UPDATE OR DELETE ON audit_seals FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_seals_no_truncate BEFORE TRUNCATE ON audit_seals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sealed_entries_no_truncate BEFORE TRUNCATE ON sealed_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sealed_entries_default_no_truncate BEFORE TRUNCATE ON sealed_entries_default FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Names of fields whose values were erased, such as `after.title`; the values are gone from `before`, `after` and `reason`.
ALTER TABLE audit_entries ADD COLUMN erased_fields text[] NOT NULL DEFAULT '{}';

-- Every erasure is on record, under audit: what an entry lacks must have been erased by one of these.
CREATE TABLE erasures (
  erasure_id  uuid PRIMARY KEY,
  entity_type text COLLATE "C" NOT NULL,
  entity_id   text COLLATE "C" NOT NULL,
  fields      text[] NOT NULL,
  version     bigint NOT NULL DEFAULT 1,
  create_time timestamptz NOT NULL,
  update_time timestamptz NOT NULL
);
CREATE INDEX erasures_of_entity ON erasures (entity_type, entity_id);

-- Every month that was dropped is on record, under audit.
CREATE TABLE dropped_months (
  month          date PRIMARY KEY,
  entries        bigint NOT NULL,
  version        bigint NOT NULL DEFAULT 1,
  create_time    timestamptz NOT NULL,
  update_time    timestamptz NOT NULL
);
SELECT put_under_audit('erasures', 'erasure', '{erasure_id}', '{}', NULL);
SELECT put_under_audit('dropped_months', 'dropped_month', '{month}', '{}', NULL);

-- Entries and seals are changed by nobody, with one exception: `erase_entries` takes values out, within its own transaction.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND current_setting('docket.erasing', true) = pg_current_xact_id()::text THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% of % is not allowed', lower(TG_OP), TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER sealed_entries_append_only BEFORE UPDATE OR DELETE ON sealed_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION hex_hash(content text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT encode(sha256(convert_to(content, 'UTF8')), 'hex')
$$;

-- Columns that may hold something about a person. Seals cover a salted digest of each, so that its value can be erased later.
CREATE FUNCTION erasable_columns() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT '{title,description,attributes,labels,external_references,user_id,display_name,email}'::text[]
$$;

-- Takes the named columns' values out of every entry of one thing, and its reasons where 'reason' is named, and records that. Sealed
-- entries keep the digests of what is gone, and forget its salts. Answers the number of
-- entries that were changed.
CREATE FUNCTION erase_entries(erased_type text, erased_id text, columns text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
DECLARE
  one record;
  found jsonb;
  gone text[];
  touched bigint := 0;
BEGIN
  -- Nothing is sealed meanwhile: a seal made from values that are just being taken out would be broken for ever.
  PERFORM pg_advisory_xact_lock(hashtext('docket.seal_audit_entries'));
  INSERT INTO erasures (erasure_id, entity_type, entity_id, fields, create_time, update_time)
    VALUES (gen_random_uuid(), erased_type, erased_id, columns, docket_now(), docket_now());
  PERFORM set_config('docket.erasing', pg_current_xact_id()::text, true);
  FOR one IN
    SELECT e.entry_id, e.time, e.before, e.after, e.reason, e.transaction_id, s.sequence, s.salts, s.digests
    FROM audit_entries e LEFT JOIN sealed_entries s ON s.entry_id = e.entry_id AND s.time = e.time
    WHERE e.entity_type = erased_type AND e.entity_id = erased_id ORDER BY e.entry_id
  LOOP
    -- The text of every value that can be erased, by name: what is empty says nothing and stays.
    found := (
      SELECT coalesce(jsonb_object_agg(name, value::text), '{}')
      FROM (
        SELECT 'before.' || c AS name, one.before -> c AS value FROM unnest(erasable_columns()) c
        UNION ALL SELECT 'after.' || c, one.after -> c FROM unnest(erasable_columns()) c
        -- Why it is erased stays.
        UNION ALL SELECT 'reason', to_jsonb(one.reason) WHERE one.transaction_id <> pg_current_xact_id()
      ) v WHERE value IS NOT NULL AND value::text NOT IN ('""', '{}', '[]', 'null')
    );
    gone := ARRAY(SELECT name FROM jsonb_object_keys(found) name WHERE split_part(name, '.', -1) = ANY (columns) ORDER BY name);
    CONTINUE WHEN gone = '{}';
    IF one.sequence IS NOT NULL THEN
      UPDATE sealed_entries s SET (digests, salts) = (
          SELECT coalesce(one.digests, '{}') || jsonb_object_agg(name, hex_hash(encode(salt, 'hex') || content)) FILTER (WHERE name = ANY (gone)),
            coalesce(string_agg(salt, '' ORDER BY place) FILTER (WHERE name <> ALL (gone)), '')
          FROM (SELECT name, content, place, substr(one.salts, 1 + 16 * (place::integer - 1), 16) AS salt
                FROM (SELECT key AS name, value AS content, row_number() OVER (ORDER BY key COLLATE "C") AS place FROM jsonb_each_text(found)) named) salted)
        WHERE s.sequence = one.sequence AND s.time = one.time;
    END IF;
    UPDATE audit_entries e SET
        before = e.before - ARRAY(SELECT substr(name, 8) FROM unnest(gone) name WHERE name LIKE 'before.%'),
        after = e.after - ARRAY(SELECT substr(name, 7) FROM unnest(gone) name WHERE name LIKE 'after.%'),
        reason = CASE WHEN 'reason' = ANY (gone) THEN '' ELSE e.reason END,
        erased_fields = ARRAY(SELECT DISTINCT name FROM unnest(e.erased_fields || gone) name ORDER BY name)
      WHERE e.entry_id = one.entry_id AND e.time = one.time;
    touched := touched + 1;
  END LOOP;
  PERFORM set_config('docket.erasing', '', true);
  RETURN touched;
END $$;

-- As before, for both tables of the log.
CREATE OR REPLACE FUNCTION make_audit_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
DECLARE
  first_day timestamp;
  parted text;
  made integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('docket.make_audit_partitions'));
  FOR i IN 0..months_ahead LOOP
    first_day := date_trunc('month', docket_now() AT TIME ZONE 'UTC') + make_interval(months => i);
    FOREACH parted IN ARRAY '{audit_entries,sealed_entries}'::text[] LOOP
      made := made + make_month(parted, first_day);
    END LOOP;
  END LOOP;
  RETURN made;
END $$;

-- Makes the partition of one month of one of the log's tables; answers how many it made.
CREATE FUNCTION make_month(parted text, first_day timestamp) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = docket, pg_temp AS $$
DECLARE
  partition text := parted || '_' || to_char(first_day, 'YYYY_MM');
BEGIN
  IF to_regclass('docket.' || partition) IS NOT NULL THEN
    RETURN 0;
  END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
    partition, parted, to_char(first_day, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(first_day + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
  EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', partition || '_no_truncate', partition);
  RETURN 1;
EXCEPTION WHEN check_violation THEN
  -- The default partition holds rows of that month already: they stay there, the alarm tells, and the other months get theirs.
  RETURN 0;
END $$;
REVOKE EXECUTE ON FUNCTION make_month(text, timestamp) FROM PUBLIC;

-- Seals have the months that entries have, those of an older log included.
SELECT make_month('sealed_entries', to_date(right(inhrelid::regclass::text, 7), 'YYYY_MM')::timestamp)
FROM pg_inherits WHERE inhparent = 'audit_entries'::regclass AND inhrelid::regclass::text LIKE '%audit\_entries\_2%';

-- Drops a month of the log, once it is over and all of it is sealed, the oldest first: so the record of one says of all before that they
-- are gone. Its seals stay. Not for the service: an operator does it, as the owner.
-- Answers the number of entries that are gone.
CREATE FUNCTION drop_audit_month(dropped date) RETURNS bigint LANGUAGE plpgsql SET search_path = docket, pg_temp AS $$
DECLARE
  first_moment timestamptz := dropped::timestamp AT TIME ZONE 'UTC';
  end_moment timestamptz := (dropped + interval '1 month') AT TIME ZONE 'UTC';
  suffix text := to_char(dropped, 'YYYY_MM');
  gone bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('docket.seal_audit_entries'));
  IF dropped <> date_trunc('month', dropped)::date OR end_moment > docket_now() THEN
    RAISE EXCEPTION 'only a whole month that is over can be dropped' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF to_regclass('docket.audit_entries_' || suffix) IS NULL THEN
    RAISE EXCEPTION 'the log has no month %', to_char(dropped, 'YYYY-MM') USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'audit_entries'::regclass AND inhrelid::regclass::text ~ 'audit_entries_2\d{3}_\d\d$'
      AND right(inhrelid::regclass::text, 7) < suffix) THEN
    RAISE EXCEPTION 'months are dropped oldest first: there are some before %', to_char(dropped, 'YYYY-MM') USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  IF EXISTS (SELECT FROM audit_entries_default WHERE time >= first_moment AND time < end_moment) THEN
    RAISE EXCEPTION 'entries of % are in the default partition, which is not dropped', to_char(dropped, 'YYYY-MM') USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  IF EXISTS (SELECT FROM audit_entries e WHERE e.time >= first_moment AND e.time < end_moment
      AND NOT EXISTS (SELECT FROM sealed_entries s WHERE s.entry_id = e.entry_id AND s.time = e.time)) THEN
    RAISE EXCEPTION 'entries of % are not sealed yet', to_char(dropped, 'YYYY-MM') USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  SELECT count(*) INTO gone FROM audit_entries WHERE time >= first_moment AND time < end_moment;
  INSERT INTO dropped_months (month, entries, create_time, update_time) VALUES (dropped, gone, docket_now(), docket_now());
  EXECUTE format('DROP TABLE %I', 'audit_entries_' || suffix);
  EXECUTE format('DROP TABLE IF EXISTS %I', 'sealed_entries_' || suffix);
  RETURN gone;
END $$;
