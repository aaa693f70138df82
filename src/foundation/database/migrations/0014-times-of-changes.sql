-- Whoever is told that a thing was changed at an instant is to find the change when he reads the past as of that instant. So the entry of a
-- change carries the time that the row itself says, which is that of its unit of work, and not that of the statement, which is a moment later.

-- The time of an entry: what was told, provided that it lies between the beginning of the transaction and the moment of writing; else that
-- moment. So nobody dates entries back, and no transaction writes times from before it began, on which reading the past relies.
-- The one time here that is not asked of docket_now(): it is no clock, and where a test's clock was set back the moment of writing serves.
CREATE FUNCTION time_of_change(told timestamptz, written timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN told BETWEEN transaction_timestamp() AND written THEN told ELSE written END
$$;

-- Of a row that goes the request tells the time. The function that puts tables under audit is changed with those that it made.
DO $$
DECLARE
  changed regprocedure;
BEGIN
  FOR changed IN SELECT oid FROM pg_proc WHERE pronamespace = 'docket'::regnamespace AND prosrc LIKE '%SELECT at,%coalesce(s.actor, r.actor%' LOOP
    EXECUTE regexp_replace(replace(pg_get_functiondef(changed), 'q.reason FROM requests q', 'q.reason, q.time FROM requests q'),
      'SELECT at,', 'SELECT time_of_change(CASE WHEN TG_OP = ''DELETE'' THEN s.time ELSE n.update_time END, at),');
  END LOOP;
END $$;
