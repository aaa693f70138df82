-- The schema that the migrations lead to, for reading; nothing runs this file. Left out: the monthly partitions of
-- the audit log, which depend on the date, and the tables of the job queue. Written by `npm run schema`; a test
-- compares it with a migrated database.

CREATE SEQUENCE assignment_sequence AS bigint INCREMENT 64 START 1 CACHE 1;

CREATE SEQUENCE audit_entry_ids AS bigint INCREMENT 1 START 1 CACHE 1;

CREATE TABLE agent_counters (
  agent_id text COLLATE "C" NOT NULL,
  business_day date DEFAULT '-infinity'::date NOT NULL,
  assigned_today integer DEFAULT 0 NOT NULL,
  resolved_today integer DEFAULT 0 NOT NULL,
  total_assigned bigint DEFAULT 0 NOT NULL,
  total_resolved bigint DEFAULT 0 NOT NULL,
  open_tickets integer DEFAULT 0 NOT NULL,
  last_assigned_sequence bigint DEFAULT 0 NOT NULL,
  last_assign_time timestamp with time zone,
  CONSTRAINT agent_counters_pkey PRIMARY KEY (agent_id),
  CONSTRAINT agent_counters_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES agents(agent_id)
) WITH (fillfactor=50);
GRANT DELETE, INSERT, SELECT, UPDATE ON agent_counters TO docket_service;

CREATE TABLE agent_presence (
  presence_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  agent_id text COLLATE "C" NOT NULL,
  start_time timestamp with time zone NOT NULL,
  end_time timestamp with time zone,
  CONSTRAINT agent_presence_pkey PRIMARY KEY (presence_id),
  CONSTRAINT agent_presence_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES agents(agent_id)
);
CREATE INDEX agent_presence_of_agent ON docket.agent_presence USING btree (agent_id, end_time);
CREATE UNIQUE INDEX agent_presence_open ON docket.agent_presence USING btree (agent_id) WHERE (end_time IS NULL);
GRANT SELECT ON agent_presence TO docket_service;

CREATE TABLE agents (
  agent_id text COLLATE "C" NOT NULL,
  display_name text DEFAULT ''::text NOT NULL,
  email text DEFAULT ''::text NOT NULL,
  active boolean DEFAULT true NOT NULL,
  availability text DEFAULT 'AVAILABLE'::text NOT NULL,
  availability_until_time timestamp with time zone,
  skills jsonb DEFAULT '{}'::jsonb NOT NULL,
  weight integer DEFAULT 1 NOT NULL,
  max_open_tickets integer,
  time_zone text DEFAULT 'UTC'::text NOT NULL,
  version bigint DEFAULT 1 NOT NULL,
  create_time timestamp with time zone NOT NULL,
  update_time timestamp with time zone NOT NULL,
  delete_time timestamp with time zone,
  CONSTRAINT agents_pkey PRIMARY KEY (agent_id),
  CONSTRAINT agents_availability_check CHECK ((availability = ANY (ARRAY['AVAILABLE'::text, 'AWAY'::text, 'OFFLINE'::text]))),
  CONSTRAINT agents_max_open_tickets_check CHECK ((max_open_tickets >= 0)),
  CONSTRAINT agents_weight_check CHECK (((weight >= 1) AND (weight <= 1000)))
);
CREATE INDEX agents_by_create_time ON docket.agents USING btree (create_time, agent_id);
CREATE TRIGGER agents_audit_create AFTER INSERT ON docket.agents REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION agents_audit_create();
CREATE TRIGGER agents_audit_delete AFTER DELETE ON docket.agents REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION agents_audit_delete();
CREATE TRIGGER agents_audit_update AFTER UPDATE ON docket.agents REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION agents_audit_update();
CREATE TRIGGER agents_eligibility_insert AFTER INSERT ON docket.agents REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION agents_eligibility();
CREATE TRIGGER agents_eligibility_update AFTER UPDATE ON docket.agents REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION agents_eligibility();
CREATE TRIGGER agents_key_stays BEFORE UPDATE ON docket.agents FOR EACH ROW WHEN ((old.agent_id IS DISTINCT FROM new.agent_id)) EXECUTE FUNCTION refuse_key_change();
CREATE TRIGGER agents_no_truncate BEFORE TRUNCATE ON docket.agents FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER agents_version BEFORE UPDATE ON docket.agents FOR EACH ROW EXECUTE FUNCTION raise_version();
GRANT DELETE, INSERT, SELECT, UPDATE ON agents TO docket_service;

CREATE TABLE assignment_decisions (
  sequence bigint NOT NULL,
  ticket_id uuid NOT NULL,
  group_id uuid NOT NULL,
  kind text NOT NULL,
  round_id bigint,
  "position" integer,
  agent_id text COLLATE "C" NOT NULL,
  previous_agent_id text COLLATE "C",
  tie_break text NOT NULL,
  business_day date NOT NULL,
  "time" timestamp with time zone NOT NULL,
  request_key uuid NOT NULL,
  CONSTRAINT assignment_decisions_pkey PRIMARY KEY (sequence),
  CONSTRAINT assignment_decisions_kind_check CHECK ((kind = ANY (ARRAY['CREATE'::text, 'WAITING'::text, 'REOPEN'::text, 'REASSIGN'::text, 'MANUAL'::text]))),
  CONSTRAINT assignment_decisions_tie_break_check CHECK ((tie_break = ANY (ARRAY['NONE'::text, 'ONLY_CANDIDATE'::text, 'PREVIOUS_AGENT'::text, 'FEWEST_RECEIVED'::text, 'FEWEST_ASSIGNED_TODAY'::text, 'LEAST_RECENTLY_ASSIGNED'::text, 'AGENT_ID'::text, 'FEWEST_OPEN_TICKETS'::text, 'LOWEST_RATE'::text, 'LOWEST_SHARE'::text])))
);
CREATE INDEX assignment_decisions_by_day ON docket.assignment_decisions USING brin (business_day) WITH (autosummarize='on');
CREATE INDEX assignment_decisions_of_ticket ON docket.assignment_decisions USING btree (ticket_id, sequence);
GRANT INSERT, SELECT ON assignment_decisions TO docket_service;

CREATE TABLE assignment_releases (
  sequence bigint NOT NULL,
  ticket_id uuid NOT NULL,
  group_id uuid NOT NULL,
  agent_id text COLLATE "C" NOT NULL,
  resolved boolean NOT NULL,
  business_day date NOT NULL,
  "time" timestamp with time zone NOT NULL,
  request_key uuid NOT NULL,
  CONSTRAINT assignment_releases_pkey PRIMARY KEY (sequence)
);
CREATE INDEX assignment_releases_by_day ON docket.assignment_releases USING brin (business_day) WITH (autosummarize='on');
GRANT INSERT, SELECT ON assignment_releases TO docket_service;

CREATE TABLE assignment_rounds (
  round_id bigint NOT NULL,
  rule text NOT NULL,
  deal_id bigint,
  group_id uuid NOT NULL,
  policy jsonb NOT NULL,
  business_day date NOT NULL,
  "time" timestamp with time zone NOT NULL,
  agent_ids text[] NOT NULL,
  assigned_today integer[] NOT NULL,
  handicaps integer[] NOT NULL,
  last_sequences bigint[] NOT NULL,
  open_tickets integer[] NOT NULL,
  rooms integer[] NOT NULL,
  received integer[] NOT NULL,
  left_out_agent_ids text[] NOT NULL,
  left_out_reasons text[] NOT NULL,
  weights integer[],
  present_ms bigint[],
  relaxed_levels integer DEFAULT 0 NOT NULL,
  CONSTRAINT assignment_rounds_pkey PRIMARY KEY (round_id),
  CONSTRAINT assignment_rounds_rule_check CHECK ((rule = ANY (ARRAY['POLICY'::text, 'DEAL'::text])))
);
GRANT INSERT, SELECT ON assignment_rounds TO docket_service;

CREATE TABLE audit_entries (
  entry_id bigint DEFAULT nextval('audit_entry_ids'::regclass) NOT NULL,
  "time" timestamp with time zone NOT NULL,
  actor text COLLATE "C" NOT NULL,
  actor_kind text NOT NULL,
  rpc text COLLATE "C" NOT NULL,
  request_id uuid,
  reason text NOT NULL,
  entity_type text COLLATE "C" NOT NULL,
  entity_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  operation text NOT NULL,
  before jsonb,
  after jsonb,
  changed_fields text[] NOT NULL,
  transaction_id xid8 DEFAULT pg_current_xact_id() NOT NULL,
  erased_fields text[] DEFAULT '{}'::text[] NOT NULL,
  CONSTRAINT audit_entries_pkey PRIMARY KEY (entry_id, "time")
) PARTITION BY RANGE ("time");
CREATE INDEX audit_entries_by_time ON ONLY docket.audit_entries USING btree ("time", entry_id);
CREATE INDEX audit_entries_of_actor ON ONLY docket.audit_entries USING btree (actor, entry_id);
CREATE INDEX audit_entries_of_entity ON ONLY docket.audit_entries USING btree (entity_type, entity_id, entry_id);
CREATE INDEX audit_entries_of_request ON ONLY docket.audit_entries USING btree (request_id) WHERE (request_id IS NOT NULL);
CREATE INDEX audit_entries_unforeseen ON ONLY docket.audit_entries USING btree (entity_type, "time") WHERE ((operation = 'DELETE'::text) OR ((operation = 'UPDATE'::text) AND (actor_kind = 'DATABASE'::text)));
CREATE TRIGGER audit_entries_append_only BEFORE DELETE OR UPDATE ON docket.audit_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON docket.audit_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON audit_entries TO docket_service;

CREATE TABLE audit_entries_default PARTITION OF audit_entries DEFAULT;
CREATE TRIGGER audit_entries_default_no_truncate BEFORE TRUNCATE ON docket.audit_entries_default FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON audit_entries_default TO docket_service;

CREATE TABLE audit_seals (
  seal bigint NOT NULL,
  epoch integer NOT NULL,
  first_sequence bigint NOT NULL,
  last_sequence bigint NOT NULL,
  month date NOT NULL,
  merkle_root bytea NOT NULL,
  previous_hash bytea NOT NULL,
  hash bytea NOT NULL,
  "time" timestamp with time zone NOT NULL,
  key_id text COLLATE "C",
  signature bytea,
  settled_entry_id bigint NOT NULL,
  server text NOT NULL,
  epoch_entry_id bigint NOT NULL,
  CONSTRAINT audit_seals_pkey PRIMARY KEY (seal),
  CONSTRAINT audit_seals_last_sequence_check CHECK ((last_sequence <= '9007199254740991'::bigint)),
  CONSTRAINT audit_seals_seal_check CHECK (((seal >= 1) AND (seal <= '9007199254740991'::bigint)))
);
CREATE INDEX audit_seals_by_sequence ON docket.audit_seals USING btree (last_sequence);
CREATE TRIGGER audit_seals_append_only BEFORE DELETE OR UPDATE ON docket.audit_seals FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_seals_no_truncate BEFORE TRUNCATE ON docket.audit_seals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT INSERT, SELECT ON audit_seals TO docket_service;

CREATE TABLE deployment_secrets (
  name text NOT NULL,
  secret bytea NOT NULL,
  CONSTRAINT deployment_secrets_pkey PRIMARY KEY (name)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON deployment_secrets TO docket_service;

CREATE TABLE dropped_months (
  month date NOT NULL,
  entries bigint NOT NULL,
  version bigint DEFAULT 1 NOT NULL,
  create_time timestamp with time zone NOT NULL,
  update_time timestamp with time zone NOT NULL,
  CONSTRAINT dropped_months_pkey PRIMARY KEY (month)
);
CREATE TRIGGER dropped_months_audit_create AFTER INSERT ON docket.dropped_months REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION dropped_months_audit_create();
CREATE TRIGGER dropped_months_audit_delete AFTER DELETE ON docket.dropped_months REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION dropped_months_audit_delete();
CREATE TRIGGER dropped_months_audit_update AFTER UPDATE ON docket.dropped_months REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION dropped_months_audit_update();
CREATE TRIGGER dropped_months_key_stays BEFORE UPDATE ON docket.dropped_months FOR EACH ROW WHEN ((old.month IS DISTINCT FROM new.month)) EXECUTE FUNCTION refuse_key_change();
CREATE TRIGGER dropped_months_no_truncate BEFORE TRUNCATE ON docket.dropped_months FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER dropped_months_version BEFORE UPDATE ON docket.dropped_months FOR EACH ROW EXECUTE FUNCTION raise_version();
GRANT SELECT ON dropped_months TO docket_service;

CREATE TABLE eligibility_changes (
  sequence bigint DEFAULT nextval('assignment_sequence'::regclass) NOT NULL,
  "time" timestamp with time zone DEFAULT docket_now() NOT NULL,
  kind text NOT NULL,
  group_id uuid,
  agent_id text COLLATE "C",
  state jsonb NOT NULL,
  CONSTRAINT eligibility_changes_pkey PRIMARY KEY (sequence),
  CONSTRAINT eligibility_changes_kind_check CHECK ((kind = ANY (ARRAY['AGENT'::text, 'GROUP'::text, 'MEMBERSHIP'::text, 'HANDICAP'::text, 'DAY'::text, 'RELAXATION'::text])))
);
GRANT SELECT ON eligibility_changes TO docket_service;

CREATE TABLE erasures (
  erasure_id uuid NOT NULL,
  entity_type text COLLATE "C" NOT NULL,
  entity_id text COLLATE "C" NOT NULL,
  fields text[] NOT NULL,
  version bigint DEFAULT 1 NOT NULL,
  create_time timestamp with time zone NOT NULL,
  update_time timestamp with time zone NOT NULL,
  CONSTRAINT erasures_pkey PRIMARY KEY (erasure_id)
);
CREATE INDEX erasures_of_entity ON docket.erasures USING btree (entity_type, entity_id);
CREATE TRIGGER erasures_audit_create AFTER INSERT ON docket.erasures REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION erasures_audit_create();
CREATE TRIGGER erasures_audit_delete AFTER DELETE ON docket.erasures REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION erasures_audit_delete();
CREATE TRIGGER erasures_audit_update AFTER UPDATE ON docket.erasures REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION erasures_audit_update();
CREATE TRIGGER erasures_key_stays BEFORE UPDATE ON docket.erasures FOR EACH ROW WHEN ((old.erasure_id IS DISTINCT FROM new.erasure_id)) EXECUTE FUNCTION refuse_key_change();
CREATE TRIGGER erasures_no_truncate BEFORE TRUNCATE ON docket.erasures FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER erasures_version BEFORE UPDATE ON docket.erasures FOR EACH ROW EXECUTE FUNCTION raise_version();
GRANT SELECT ON erasures TO docket_service;

CREATE TABLE external_reference_keys (
  system text COLLATE "C" NOT NULL,
  external_id text COLLATE "C" NOT NULL,
  ticket_id uuid NOT NULL,
  CONSTRAINT external_reference_keys_pkey PRIMARY KEY (system, external_id)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON external_reference_keys TO docket_service;

CREATE TABLE group_counters (
  group_id uuid NOT NULL,
  last_ticket_number bigint DEFAULT 0 NOT NULL,
  CONSTRAINT group_counters_pkey PRIMARY KEY (group_id),
  CONSTRAINT group_counters_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups(group_id)
) WITH (fillfactor=50);
GRANT DELETE, INSERT, SELECT, UPDATE ON group_counters TO docket_service;

CREATE TABLE group_pools (
  group_id uuid NOT NULL,
  pool_id bigint NOT NULL,
  CONSTRAINT group_pools_pkey PRIMARY KEY (group_id),
  CONSTRAINT group_pools_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups(group_id)
);
CREATE INDEX group_pools_by_pool ON docket.group_pools USING btree (pool_id);
CREATE TRIGGER group_pools_moved AFTER UPDATE ON docket.group_pools FOR EACH ROW WHEN ((new.pool_id IS DISTINCT FROM old.pool_id)) EXECUTE FUNCTION group_pools_moved();
GRANT DELETE, INSERT, SELECT, UPDATE ON group_pools TO docket_service;

CREATE TABLE group_relaxations (
  group_id uuid NOT NULL,
  effective_time timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  next_time timestamp with time zone,
  CONSTRAINT group_relaxations_pkey PRIMARY KEY (group_id),
  CONSTRAINT group_relaxations_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups(group_id)
) WITH (fillfactor=50);
CREATE TRIGGER group_relaxations_eligibility AFTER UPDATE ON docket.group_relaxations FOR EACH ROW WHEN ((new.effective_time IS DISTINCT FROM old.effective_time)) EXECUTE FUNCTION group_relaxations_eligibility();
GRANT DELETE, INSERT, SELECT, UPDATE ON group_relaxations TO docket_service;

CREATE TABLE groups (
  group_id uuid NOT NULL,
  key text COLLATE "C" NOT NULL,
  name text NOT NULL,
  description text DEFAULT ''::text NOT NULL,
  active boolean DEFAULT true NOT NULL,
  time_zone text DEFAULT 'UTC'::text NOT NULL,
  strategy text DEFAULT 'LEAST_ASSIGNED_TODAY'::text NOT NULL,
  catch_up_limit integer,
  max_open_per_agent integer,
  required_skills jsonb DEFAULT '{}'::jsonb NOT NULL,
  prefer_previous_agent boolean DEFAULT true NOT NULL,
  policy_version integer DEFAULT 1 NOT NULL,
  supervisor_ids text[] DEFAULT '{}'::text[] NOT NULL,
  version bigint DEFAULT 1 NOT NULL,
  create_time timestamp with time zone NOT NULL,
  update_time timestamp with time zone NOT NULL,
  delete_time timestamp with time zone,
  skill_relaxation_seconds integer,
  CONSTRAINT groups_key_key UNIQUE (key),
  CONSTRAINT groups_pkey PRIMARY KEY (group_id),
  CONSTRAINT groups_catch_up_limit_check CHECK ((catch_up_limit >= 0)),
  CONSTRAINT groups_max_open_per_agent_check CHECK ((max_open_per_agent >= 0)),
  CONSTRAINT groups_skill_relaxation_seconds_check CHECK (((skill_relaxation_seconds >= 1) AND (skill_relaxation_seconds <= 31536000))),
  CONSTRAINT groups_strategy_check CHECK ((strategy = ANY (ARRAY['LEAST_ASSIGNED_TODAY'::text, 'MANUAL'::text, 'ROUND_ROBIN'::text, 'FEWEST_OPEN'::text, 'ASSIGNED_PER_HOUR_PRESENT'::text, 'WEIGHTED'::text])))
);
CREATE INDEX groups_by_create_time ON docket.groups USING btree (create_time, group_id);
CREATE INDEX groups_by_supervisor ON docket.groups USING gin (supervisor_ids);
CREATE TRIGGER groups_audit_create AFTER INSERT ON docket.groups REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION groups_audit_create();
CREATE TRIGGER groups_audit_delete AFTER DELETE ON docket.groups REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION groups_audit_delete();
CREATE TRIGGER groups_audit_update AFTER UPDATE ON docket.groups REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION groups_audit_update();
CREATE TRIGGER groups_eligibility_insert AFTER INSERT ON docket.groups REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION groups_eligibility();
CREATE TRIGGER groups_eligibility_update AFTER UPDATE ON docket.groups REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION groups_eligibility();
CREATE TRIGGER groups_key_stays BEFORE UPDATE ON docket.groups FOR EACH ROW WHEN ((old.group_id IS DISTINCT FROM new.group_id)) EXECUTE FUNCTION refuse_key_change();
CREATE TRIGGER groups_name_stays BEFORE UPDATE ON docket.groups FOR EACH ROW WHEN ((new.key IS DISTINCT FROM old.key)) EXECUTE FUNCTION refuse_key_change();
CREATE TRIGGER groups_no_truncate BEFORE TRUNCATE ON docket.groups FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER groups_version BEFORE UPDATE ON docket.groups FOR EACH ROW EXECUTE FUNCTION raise_version();
GRANT DELETE, INSERT, SELECT, UPDATE ON groups TO docket_service;

CREATE TABLE handicaps (
  group_id uuid NOT NULL,
  agent_id text COLLATE "C" NOT NULL,
  business_day date NOT NULL,
  handicap integer NOT NULL,
  CONSTRAINT handicaps_pkey PRIMARY KEY (group_id, agent_id),
  CONSTRAINT handicaps_handicap_check CHECK ((handicap > 0))
);
CREATE TRIGGER handicaps_eligibility_delete AFTER DELETE ON docket.handicaps REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION handicaps_eligibility();
CREATE TRIGGER handicaps_eligibility_insert AFTER INSERT ON docket.handicaps REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION handicaps_eligibility();
CREATE TRIGGER handicaps_eligibility_update AFTER UPDATE ON docket.handicaps REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION handicaps_eligibility();
GRANT DELETE, INSERT, SELECT, UPDATE ON handicaps TO docket_service;

CREATE TABLE import_rows (
  operation_id uuid NOT NULL,
  chunk integer NOT NULL,
  ticket_ids uuid[] NOT NULL,
  lines integer[] NOT NULL,
  rows text NOT NULL,
  CONSTRAINT import_rows_pkey PRIMARY KEY (operation_id, chunk),
  CONSTRAINT import_rows_operation_id_fkey FOREIGN KEY (operation_id) REFERENCES imports(operation_id) ON DELETE CASCADE
);
GRANT DELETE, INSERT, SELECT, UPDATE ON import_rows TO docket_service;

CREATE TABLE imports (
  operation_id uuid NOT NULL,
  create_time timestamp with time zone NOT NULL,
  accept_time timestamp with time zone,
  CONSTRAINT imports_pkey PRIMARY KEY (operation_id)
);
CREATE INDEX imports_by_create_time ON docket.imports USING btree (create_time);
GRANT DELETE, INSERT, SELECT, UPDATE ON imports TO docket_service;

CREATE TABLE memberships (
  group_id uuid NOT NULL,
  agent_id text COLLATE "C" NOT NULL,
  version bigint DEFAULT 1 NOT NULL,
  create_time timestamp with time zone NOT NULL,
  update_time timestamp with time zone NOT NULL,
  CONSTRAINT memberships_pkey PRIMARY KEY (group_id, agent_id),
  CONSTRAINT memberships_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES agents(agent_id),
  CONSTRAINT memberships_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups(group_id)
);
CREATE INDEX memberships_by_agent ON docket.memberships USING btree (agent_id, group_id);
CREATE TRIGGER memberships_audit_create AFTER INSERT ON docket.memberships REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION memberships_audit_create();
CREATE TRIGGER memberships_audit_delete AFTER DELETE ON docket.memberships REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION memberships_audit_delete();
CREATE TRIGGER memberships_audit_update AFTER UPDATE ON docket.memberships REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION memberships_audit_update();
CREATE TRIGGER memberships_eligibility_delete AFTER DELETE ON docket.memberships REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION memberships_eligibility();
CREATE TRIGGER memberships_eligibility_insert AFTER INSERT ON docket.memberships REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION memberships_eligibility();
CREATE TRIGGER memberships_key_stays BEFORE UPDATE ON docket.memberships FOR EACH ROW WHEN (((old.group_id IS DISTINCT FROM new.group_id) OR (old.agent_id IS DISTINCT FROM new.agent_id))) EXECUTE FUNCTION refuse_key_change();
CREATE TRIGGER memberships_no_truncate BEFORE TRUNCATE ON docket.memberships FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER memberships_version BEFORE UPDATE ON docket.memberships FOR EACH ROW EXECUTE FUNCTION raise_version();
GRANT DELETE, INSERT, SELECT, UPDATE ON memberships TO docket_service;

CREATE TABLE migrations (
  id integer DEFAULT nextval('migrations_id_seq'::regclass) NOT NULL,
  name character varying(255) NOT NULL,
  executed_at timestamp(6) with time zone DEFAULT CURRENT_TIMESTAMP(6) NOT NULL,
  CONSTRAINT migrations_pkey PRIMARY KEY (id)
);
GRANT SELECT ON migrations TO docket_service;

CREATE TABLE operation_chunks (
  operation_id uuid NOT NULL,
  chunk integer NOT NULL,
  ticket_ids uuid[] NOT NULL,
  outcomes smallint[],
  to_agent_ids text[],
  reasons text[],
  messages text[],
  transaction_id xid8,
  lines integer[],
  fields text[],
  found_ids uuid[],
  CONSTRAINT operation_chunks_pkey PRIMARY KEY (operation_id, chunk)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON operation_chunks TO docket_service;

CREATE TABLE operation_progress (
  operation_id uuid NOT NULL,
  next_chunk integer DEFAULT 0 NOT NULL,
  changed_count bigint DEFAULT 0 NOT NULL,
  unchanged_count bigint DEFAULT 0 NOT NULL,
  failed_count bigint DEFAULT 0 NOT NULL,
  pause_reason text DEFAULT ''::text NOT NULL,
  memory jsonb DEFAULT '{}'::jsonb NOT NULL,
  runner uuid,
  update_time timestamp with time zone NOT NULL,
  CONSTRAINT operation_progress_pkey PRIMARY KEY (operation_id),
  CONSTRAINT operation_progress_operation_id_fkey FOREIGN KEY (operation_id) REFERENCES operations(operation_id)
) WITH (fillfactor=50);
GRANT DELETE, INSERT, SELECT, UPDATE ON operation_progress TO docket_service;

CREATE TABLE operations (
  operation_id uuid NOT NULL,
  kind text NOT NULL,
  state text NOT NULL,
  actor text COLLATE "C" NOT NULL,
  actor_kind text NOT NULL,
  roles text[] NOT NULL,
  caller_agent_id text COLLATE "C",
  rpc text COLLATE "C" NOT NULL,
  request_id uuid NOT NULL,
  reason text NOT NULL,
  input jsonb NOT NULL,
  total_count bigint NOT NULL,
  changed_count bigint DEFAULT 0 NOT NULL,
  unchanged_count bigint DEFAULT 0 NOT NULL,
  failed_count bigint DEFAULT 0 NOT NULL,
  error_reason text DEFAULT ''::text NOT NULL,
  error_message text DEFAULT ''::text NOT NULL,
  version bigint DEFAULT 1 NOT NULL,
  create_time timestamp with time zone NOT NULL,
  update_time timestamp with time zone NOT NULL,
  end_time timestamp with time zone,
  CONSTRAINT operations_pkey PRIMARY KEY (operation_id),
  CONSTRAINT operations_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['USER'::text, 'SERVICE'::text]))),
  CONSTRAINT operations_kind_check CHECK ((kind = ANY (ARRAY['BULK_UPDATE_TICKETS'::text, 'REASSIGN_TICKETS'::text, 'IMPORT_TICKETS'::text]))),
  CONSTRAINT operations_state_check CHECK ((state = ANY (ARRAY['RUNNING'::text, 'SUCCEEDED'::text, 'FAILED'::text, 'CANCELLED'::text])))
);
CREATE INDEX operations_by_create_time ON docket.operations USING btree (create_time, operation_id);
CREATE INDEX operations_by_end_time ON docket.operations USING btree (end_time) WHERE (end_time IS NOT NULL);
CREATE INDEX operations_of_actor ON docket.operations USING btree (actor, create_time, operation_id);
CREATE INDEX operations_unfinished ON docket.operations USING btree (create_time) WHERE (state = 'RUNNING'::text);
CREATE TRIGGER operations_audit_create AFTER INSERT ON docket.operations REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION operations_audit_create();
CREATE TRIGGER operations_audit_delete AFTER DELETE ON docket.operations REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION operations_audit_delete();
CREATE TRIGGER operations_audit_update AFTER UPDATE ON docket.operations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION operations_audit_update();
CREATE TRIGGER operations_key_stays BEFORE UPDATE ON docket.operations FOR EACH ROW WHEN ((old.operation_id IS DISTINCT FROM new.operation_id)) EXECUTE FUNCTION refuse_key_change();
CREATE TRIGGER operations_no_truncate BEFORE TRUNCATE ON docket.operations FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER operations_version BEFORE UPDATE ON docket.operations FOR EACH ROW EXECUTE FUNCTION raise_version();
GRANT DELETE, INSERT, SELECT, UPDATE ON operations TO docket_service;

CREATE TABLE pools (
  pool_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  sequence bigint DEFAULT 0 NOT NULL,
  business_day date DEFAULT '-infinity'::date NOT NULL,
  day_start_time timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
  roster_sequence bigint DEFAULT 0 NOT NULL,
  CONSTRAINT pools_pkey PRIMARY KEY (pool_id)
) WITH (fillfactor=50);
CREATE TRIGGER pools_day AFTER UPDATE ON docket.pools FOR EACH ROW WHEN (((new.business_day IS DISTINCT FROM old.business_day) OR (new.day_start_time IS DISTINCT FROM old.day_start_time))) EXECUTE FUNCTION pools_day();
CREATE TRIGGER pools_day_start BEFORE UPDATE ON docket.pools FOR EACH ROW WHEN (((new.business_day IS DISTINCT FROM old.business_day) AND (NOT (new.day_start_time IS DISTINCT FROM old.day_start_time)))) EXECUTE FUNCTION pools_day_start();
GRANT DELETE, INSERT, SELECT, UPDATE ON pools TO docket_service;

CREATE TABLE reassignment_plan_tickets (
  plan_id uuid NOT NULL,
  ticket_id uuid NOT NULL,
  group_id uuid NOT NULL,
  status smallint NOT NULL,
  from_agent_id text COLLATE "C",
  to_agent_id text COLLATE "C" NOT NULL,
  CONSTRAINT reassignment_plan_tickets_pkey PRIMARY KEY (plan_id, ticket_id),
  CONSTRAINT reassignment_plan_tickets_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES reassignment_plans(plan_id) ON DELETE CASCADE
);
GRANT DELETE, INSERT, SELECT, UPDATE ON reassignment_plan_tickets TO docket_service;

CREATE TABLE reassignment_plans (
  plan_id uuid NOT NULL,
  actor text COLLATE "C" NOT NULL,
  ticket_count integer NOT NULL,
  expire_time timestamp with time zone NOT NULL,
  accept_time timestamp with time zone,
  CONSTRAINT reassignment_plans_pkey PRIMARY KEY (plan_id)
);
CREATE INDEX reassignment_plans_by_expire_time ON docket.reassignment_plans USING btree (expire_time);
GRANT DELETE, INSERT, SELECT, UPDATE ON reassignment_plans TO docket_service;

CREATE TABLE requests (
  request_key uuid NOT NULL,
  actor text NOT NULL,
  actor_kind text NOT NULL,
  rpc text NOT NULL,
  request_id uuid,
  reason text DEFAULT ''::text NOT NULL,
  body_hash bytea NOT NULL,
  answer bytea,
  transaction_id xid8 DEFAULT pg_current_xact_id() NOT NULL,
  "time" timestamp with time zone DEFAULT docket_now() NOT NULL,
  operation_id uuid,
  CONSTRAINT requests_pkey PRIMARY KEY (request_key),
  CONSTRAINT requests_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['USER'::text, 'SERVICE'::text, 'SYSTEM'::text])))
) WITH (fillfactor=80);
CREATE UNIQUE INDEX requests_by_caller ON docket.requests USING btree (actor, request_id) WHERE ((request_id IS NOT NULL) AND (operation_id IS NULL));
CREATE INDEX requests_by_time ON docket.requests USING brin ("time");
GRANT DELETE, INSERT, SELECT, UPDATE ON requests TO docket_service;

CREATE TABLE sealed_entries (
  sequence bigint NOT NULL,
  seal bigint NOT NULL,
  entry_id bigint NOT NULL,
  "time" timestamp with time zone NOT NULL,
  salts bytea NOT NULL,
  leaf bytea NOT NULL,
  digests jsonb,
  CONSTRAINT sealed_entries_pkey PRIMARY KEY (sequence, "time")
) PARTITION BY RANGE ("time");
CREATE INDEX sealed_entries_of_entry ON ONLY docket.sealed_entries USING btree (entry_id);
CREATE TRIGGER sealed_entries_append_only BEFORE DELETE OR UPDATE ON docket.sealed_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sealed_entries_no_truncate BEFORE TRUNCATE ON docket.sealed_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT INSERT, SELECT ON sealed_entries TO docket_service;

CREATE TABLE sealed_entries_default PARTITION OF sealed_entries DEFAULT;
CREATE TRIGGER sealed_entries_default_no_truncate BEFORE TRUNCATE ON docket.sealed_entries_default FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT INSERT, SELECT ON sealed_entries_default TO docket_service;

CREATE TABLE service_tokens (
  token_id uuid NOT NULL,
  prefix text COLLATE "C" NOT NULL,
  secret_hash bytea NOT NULL,
  name text NOT NULL,
  roles text[] NOT NULL,
  agent_id text COLLATE "C",
  create_time timestamp with time zone DEFAULT docket_now() NOT NULL,
  update_time timestamp with time zone DEFAULT docket_now() NOT NULL,
  expire_time timestamp with time zone,
  revoke_time timestamp with time zone,
  version bigint DEFAULT 1 NOT NULL,
  CONSTRAINT service_tokens_prefix_key UNIQUE (prefix),
  CONSTRAINT service_tokens_pkey PRIMARY KEY (token_id)
);
CREATE TRIGGER service_tokens_audit_create AFTER INSERT ON docket.service_tokens REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION service_tokens_audit_create();
CREATE TRIGGER service_tokens_audit_delete AFTER DELETE ON docket.service_tokens REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION service_tokens_audit_delete();
CREATE TRIGGER service_tokens_audit_update AFTER UPDATE ON docket.service_tokens REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION service_tokens_audit_update();
CREATE TRIGGER service_tokens_key_stays BEFORE UPDATE ON docket.service_tokens FOR EACH ROW WHEN ((old.token_id IS DISTINCT FROM new.token_id)) EXECUTE FUNCTION refuse_key_change();
CREATE TRIGGER service_tokens_no_truncate BEFORE TRUNCATE ON docket.service_tokens FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER service_tokens_version BEFORE UPDATE ON docket.service_tokens FOR EACH ROW EXECUTE FUNCTION raise_version();
GRANT DELETE, INSERT, SELECT, UPDATE ON service_tokens TO docket_service;

CREATE TABLE settings (
  settings_id boolean DEFAULT true NOT NULL,
  business_time_zone text DEFAULT 'UTC'::text NOT NULL,
  version bigint DEFAULT 1 NOT NULL,
  update_time timestamp with time zone DEFAULT docket_now() NOT NULL,
  CONSTRAINT settings_pkey PRIMARY KEY (settings_id),
  CONSTRAINT settings_settings_id_check CHECK (settings_id)
);
CREATE TRIGGER settings_audit_create AFTER INSERT ON docket.settings REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settings_audit_create();
CREATE TRIGGER settings_audit_delete AFTER DELETE ON docket.settings REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION settings_audit_delete();
CREATE TRIGGER settings_audit_update AFTER UPDATE ON docket.settings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settings_audit_update();
CREATE TRIGGER settings_key_stays BEFORE UPDATE ON docket.settings FOR EACH ROW WHEN ((old.settings_id IS DISTINCT FROM new.settings_id)) EXECUTE FUNCTION refuse_key_change();
CREATE TRIGGER settings_no_truncate BEFORE TRUNCATE ON docket.settings FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settings_version BEFORE UPDATE ON docket.settings FOR EACH ROW EXECUTE FUNCTION raise_version();
GRANT DELETE, INSERT, SELECT, UPDATE ON settings TO docket_service;

CREATE TABLE tickets (
  ticket_id uuid NOT NULL,
  key text COLLATE "C" NOT NULL,
  group_id uuid NOT NULL,
  user_id bigint NOT NULL,
  agent_id text COLLATE "C",
  status smallint NOT NULL,
  priority smallint NOT NULL,
  title text DEFAULT ''::text NOT NULL,
  description text DEFAULT ''::text NOT NULL,
  attributes jsonb DEFAULT '{}'::jsonb NOT NULL,
  labels text[] DEFAULT '{}'::text[] NOT NULL,
  external_references jsonb DEFAULT '[]'::jsonb NOT NULL,
  reopen_count integer DEFAULT 0 NOT NULL,
  version bigint DEFAULT 1 NOT NULL,
  create_time timestamp with time zone NOT NULL,
  update_time timestamp with time zone NOT NULL,
  assign_time timestamp with time zone,
  resolve_time timestamp with time zone,
  close_time timestamp with time zone,
  last_request uuid,
  wait_start_time timestamp with time zone,
  CONSTRAINT tickets_key_key UNIQUE (key),
  CONSTRAINT tickets_pkey PRIMARY KEY (ticket_id),
  CONSTRAINT tickets_priority_check CHECK (((priority >= 1) AND (priority <= 4))),
  CONSTRAINT tickets_status_check CHECK (((status >= 1) AND (status <= 6)))
) WITH (fillfactor=85);
CREATE INDEX tickets_by_create_time ON docket.tickets USING btree (create_time, ticket_id);
CREATE INDEX tickets_by_priority ON docket.tickets USING btree (priority, create_time, ticket_id);
CREATE INDEX tickets_of_agent ON docket.tickets USING btree (agent_id, create_time, ticket_id);
CREATE INDEX tickets_of_group ON docket.tickets USING btree (group_id, create_time, ticket_id);
CREATE INDEX tickets_of_user ON docket.tickets USING btree (user_id, create_time, ticket_id);
CREATE INDEX tickets_pending_of_agent ON docket.tickets USING btree (agent_id, priority DESC, create_time, ticket_id) WHERE ((agent_id IS NOT NULL) AND (status <= 3));
CREATE INDEX tickets_waiting ON docket.tickets USING btree (group_id, priority DESC, create_time, ticket_id) WHERE ((agent_id IS NULL) AND (status <= 3));
CREATE TRIGGER tickets_audit_create AFTER INSERT ON docket.tickets REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tickets_audit_create();
CREATE TRIGGER tickets_audit_delete AFTER DELETE ON docket.tickets REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION tickets_audit_delete();
CREATE TRIGGER tickets_audit_update AFTER UPDATE ON docket.tickets REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tickets_audit_update();
CREATE TRIGGER tickets_key_stays BEFORE UPDATE ON docket.tickets FOR EACH ROW WHEN ((old.ticket_id IS DISTINCT FROM new.ticket_id)) EXECUTE FUNCTION refuse_key_change();
CREATE TRIGGER tickets_no_truncate BEFORE TRUNCATE ON docket.tickets FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tickets_place_stays BEFORE UPDATE ON docket.tickets FOR EACH ROW WHEN (((new.create_time IS DISTINCT FROM old.create_time) OR (new.key IS DISTINCT FROM old.key))) EXECUTE FUNCTION refuse_key_change();
CREATE TRIGGER tickets_version BEFORE UPDATE ON docket.tickets FOR EACH ROW EXECUTE FUNCTION raise_version();
GRANT DELETE, INSERT, SELECT, UPDATE ON tickets TO docket_service;

CREATE OR REPLACE FUNCTION docket.agent_eligibility(a agents)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  SELECT jsonb_build_object('active', a.active, 'deleted', a.delete_time IS NOT NULL, 'availability', a.availability,
    'skills', a.skills, 'weight', a.weight, 'max_open_tickets', a.max_open_tickets)
$function$
;

CREATE OR REPLACE FUNCTION docket.agents_audit_create()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'agent', n.agent_id::text, n.version, 'CREATE', NULL, to_jsonb(n) - '{}'::text[], '{}'
      FROM new_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.agents_audit_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'agent', n.agent_id::text, n.version, 'DELETE', to_jsonb(n) - '{}'::text[], NULL, '{}'
      FROM old_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.agents_audit_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
 SET enable_hashjoin TO 'on'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'agent', n.agent_id::text, n.version, 'UPDATE', c.before, c.after, c.changed_fields
      FROM old_rows o JOIN new_rows n ON o.agent_id = n.agent_id
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      CROSS JOIN LATERAL (SELECT to_jsonb(o) - '{}'::text[] AS before, to_jsonb(n) - '{}'::text[] AS after OFFSET 0) j
      CROSS JOIN LATERAL (
        SELECT j.after,
          coalesce(jsonb_object_agg(e.key, e.value), '{}') AS before,
          coalesce(array_agg(e.key ORDER BY e.key) FILTER (WHERE e.key NOT IN ('version', 'update_time')), '{}') AS changed_fields
        FROM jsonb_each(j.before) e WHERE e.value IS DISTINCT FROM j.after -> e.key
      ) c;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.agents_eligibility()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
 SET enable_hashjoin TO 'on'
AS $function$
DECLARE
  changed agents[];
  at timestamptz;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(n ORDER BY n.agent_id) INTO changed FROM new_rows n;
  ELSE
    SELECT array_agg(n ORDER BY n.agent_id) INTO changed FROM new_rows n JOIN old_rows o USING (agent_id)
      WHERE agent_eligibility(n::agents) IS DISTINCT FROM agent_eligibility(o::agents);
  END IF;
  IF changed IS NULL THEN RETURN NULL; END IF;
  PERFORM raise_pools((SELECT array_agg(m.group_id) FROM memberships m JOIN unnest(changed) c ON c.agent_id = m.agent_id));
  at := docket_now();
  INSERT INTO eligibility_changes (time, kind, agent_id, state) SELECT at, 'AGENT', c.agent_id, agent_eligibility(c) FROM unnest(changed) c;
  UPDATE agent_presence p SET end_time = at FROM unnest(changed) c WHERE p.agent_id = c.agent_id AND p.end_time IS NULL AND NOT is_present(c);
  INSERT INTO agent_presence (agent_id, start_time)
    SELECT c.agent_id, at FROM unnest(changed) c
    WHERE is_present(c) AND NOT EXISTS (SELECT FROM agent_presence p WHERE p.agent_id = c.agent_id AND p.end_time IS NULL);
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION docket.docket_now()
 RETURNS timestamp with time zone
 LANGUAGE sql
AS $function$ SELECT clock_timestamp() $function$
;

CREATE OR REPLACE FUNCTION docket.drop_audit_month(dropped date)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'docket', 'pg_temp'
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION docket.dropped_months_audit_create()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'dropped_month', n.month::text, n.version, 'CREATE', NULL, to_jsonb(n) - '{}'::text[], '{}'
      FROM new_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.dropped_months_audit_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'dropped_month', n.month::text, n.version, 'DELETE', to_jsonb(n) - '{}'::text[], NULL, '{}'
      FROM old_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.dropped_months_audit_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'dropped_month', n.month::text, n.version, 'UPDATE', c.before, c.after, c.changed_fields
      FROM old_rows o JOIN new_rows n ON o.month = n.month
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      CROSS JOIN LATERAL (SELECT to_jsonb(o) - '{}'::text[] AS before, to_jsonb(n) - '{}'::text[] AS after OFFSET 0) j
      CROSS JOIN LATERAL (
        SELECT j.after,
          coalesce(jsonb_object_agg(e.key, e.value), '{}') AS before,
          coalesce(array_agg(e.key ORDER BY e.key) FILTER (WHERE e.key NOT IN ('version', 'update_time')), '{}') AS changed_fields
        FROM jsonb_each(j.before) e WHERE e.value IS DISTINCT FROM j.after -> e.key
      ) c;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.erasable_columns()
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT '{title,description,attributes,labels,external_references,user_id,display_name,email}'::text[]
$function$
;

CREATE OR REPLACE FUNCTION docket.erase_entries(erased_type text, erased_id text, columns text[])
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION docket.erasures_audit_create()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'erasure', n.erasure_id::text, n.version, 'CREATE', NULL, to_jsonb(n) - '{}'::text[], '{}'
      FROM new_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.erasures_audit_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'erasure', n.erasure_id::text, n.version, 'DELETE', to_jsonb(n) - '{}'::text[], NULL, '{}'
      FROM old_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.erasures_audit_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'erasure', n.erasure_id::text, n.version, 'UPDATE', c.before, c.after, c.changed_fields
      FROM old_rows o JOIN new_rows n ON o.erasure_id = n.erasure_id
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      CROSS JOIN LATERAL (SELECT to_jsonb(o) - '{}'::text[] AS before, to_jsonb(n) - '{}'::text[] AS after OFFSET 0) j
      CROSS JOIN LATERAL (
        SELECT j.after,
          coalesce(jsonb_object_agg(e.key, e.value), '{}') AS before,
          coalesce(array_agg(e.key ORDER BY e.key) FILTER (WHERE e.key NOT IN ('version', 'update_time')), '{}') AS changed_fields
        FROM jsonb_each(j.before) e WHERE e.value IS DISTINCT FROM j.after -> e.key
      ) c;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.group_eligibility(g groups)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  SELECT jsonb_build_object('active', g.active, 'deleted', g.delete_time IS NOT NULL, 'strategy', g.strategy,
    'catch_up_limit', g.catch_up_limit, 'max_open_per_agent', g.max_open_per_agent, 'required_skills', g.required_skills,
    'skill_relaxation_seconds', g.skill_relaxation_seconds, 'prefer_previous_agent', g.prefer_previous_agent, 'policy_version', g.policy_version)
$function$
;

CREATE OR REPLACE FUNCTION docket.group_pools_moved()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
BEGIN
  PERFORM FROM pools WHERE pool_id IN (OLD.pool_id, NEW.pool_id) ORDER BY pool_id FOR UPDATE;
  UPDATE pools SET sequence = sequence + 1, roster_sequence = roster_sequence + 1 WHERE pool_id IN (OLD.pool_id, NEW.pool_id);
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION docket.group_relaxations_eligibility()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
BEGIN
  PERFORM raise_pools(ARRAY[NEW.group_id]);
  INSERT INTO eligibility_changes (kind, group_id, state)
    VALUES ('RELAXATION', NEW.group_id, jsonb_build_object('effective_micros', (extract(epoch FROM NEW.effective_time) * 1000000)::bigint));
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION docket.groups_audit_create()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'group', n.group_id::text, n.version, 'CREATE', NULL, to_jsonb(n) - '{}'::text[], '{}'
      FROM new_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.groups_audit_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'group', n.group_id::text, n.version, 'DELETE', to_jsonb(n) - '{}'::text[], NULL, '{}'
      FROM old_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.groups_audit_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
 SET enable_hashjoin TO 'on'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'group', n.group_id::text, n.version, 'UPDATE', c.before, c.after, c.changed_fields
      FROM old_rows o JOIN new_rows n ON o.group_id = n.group_id
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      CROSS JOIN LATERAL (SELECT to_jsonb(o) - '{}'::text[] AS before, to_jsonb(n) - '{}'::text[] AS after OFFSET 0) j
      CROSS JOIN LATERAL (
        SELECT j.after,
          coalesce(jsonb_object_agg(e.key, e.value), '{}') AS before,
          coalesce(array_agg(e.key ORDER BY e.key) FILTER (WHERE e.key NOT IN ('version', 'update_time')), '{}') AS changed_fields
        FROM jsonb_each(j.before) e WHERE e.value IS DISTINCT FROM j.after -> e.key
      ) c;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.groups_eligibility()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
 SET enable_hashjoin TO 'on'
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION docket.handicaps_eligibility()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
BEGIN
  PERFORM raise_pools((SELECT array_agg(group_id) FROM changed_rows));
  INSERT INTO eligibility_changes (kind, group_id, agent_id, state)
    SELECT 'HANDICAP', group_id, agent_id, jsonb_build_object('business_day', business_day, 'handicap', CASE WHEN TG_OP = 'DELETE' THEN 0 ELSE handicap END)
    FROM changed_rows ORDER BY group_id, agent_id;
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION docket.hex_hash(content text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT encode(sha256(convert_to(content, 'UTF8')), 'hex')
$function$
;

CREATE OR REPLACE FUNCTION docket.is_present(a agents)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT a.active AND a.delete_time IS NULL AND a.availability = 'AVAILABLE'
$function$
;

CREATE OR REPLACE FUNCTION docket.make_audit_partitions(months_ahead integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION docket.make_month(parted text, first_day timestamp without time zone)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION docket.memberships_audit_create()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'membership', n.group_id::text || '/' || n.agent_id::text, n.version, 'CREATE', NULL, to_jsonb(n) - '{}'::text[], '{}'
      FROM new_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.memberships_audit_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'membership', n.group_id::text || '/' || n.agent_id::text, n.version, 'DELETE', to_jsonb(n) - '{}'::text[], NULL, '{}'
      FROM old_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.memberships_audit_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
 SET enable_hashjoin TO 'on'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'membership', n.group_id::text || '/' || n.agent_id::text, n.version, 'UPDATE', c.before, c.after, c.changed_fields
      FROM old_rows o JOIN new_rows n ON o.group_id = n.group_id AND o.agent_id = n.agent_id
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      CROSS JOIN LATERAL (SELECT to_jsonb(o) - '{}'::text[] AS before, to_jsonb(n) - '{}'::text[] AS after OFFSET 0) j
      CROSS JOIN LATERAL (
        SELECT j.after,
          coalesce(jsonb_object_agg(e.key, e.value), '{}') AS before,
          coalesce(array_agg(e.key ORDER BY e.key) FILTER (WHERE e.key NOT IN ('version', 'update_time')), '{}') AS changed_fields
        FROM jsonb_each(j.before) e WHERE e.value IS DISTINCT FROM j.after -> e.key
      ) c;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.memberships_eligibility()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
BEGIN
  PERFORM raise_pools((SELECT array_agg(group_id) FROM changed_rows));
  INSERT INTO eligibility_changes (kind, group_id, agent_id, state)
    SELECT 'MEMBERSHIP', group_id, agent_id, jsonb_build_object('member', TG_OP = 'INSERT') FROM changed_rows ORDER BY group_id, agent_id;
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION docket.named_request()
 RETURNS uuid
 LANGUAGE sql
 STABLE
AS $function$
  SELECT nullif(current_setting('docket.request', true), '')::uuid
$function$
;

CREATE OR REPLACE FUNCTION docket.operations_audit_create()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'operation', n.operation_id::text, n.version, 'CREATE', NULL, to_jsonb(n) - '{input}'::text[], '{}'
      FROM new_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.operations_audit_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'operation', n.operation_id::text, n.version, 'DELETE', to_jsonb(n) - '{input}'::text[], NULL, '{}'
      FROM old_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.operations_audit_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'operation', n.operation_id::text, n.version, 'UPDATE', c.before, c.after, c.changed_fields
      FROM old_rows o JOIN new_rows n ON o.operation_id = n.operation_id
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      CROSS JOIN LATERAL (SELECT to_jsonb(o) - '{input}'::text[] AS before, to_jsonb(n) - '{input}'::text[] AS after OFFSET 0) j
      CROSS JOIN LATERAL (
        SELECT j.after,
          coalesce(jsonb_object_agg(e.key, e.value), '{}') AS before,
          coalesce(array_agg(e.key ORDER BY e.key) FILTER (WHERE e.key NOT IN ('version', 'update_time')), '{}') AS changed_fields
        FROM jsonb_each(j.before) e WHERE e.value IS DISTINCT FROM j.after -> e.key
      ) c;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.pools_day()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
BEGIN
  IF NEW.business_day < OLD.business_day THEN
    RAISE EXCEPTION 'the business day of a pool cannot go backwards (% to %)', OLD.business_day, NEW.business_day USING ERRCODE = 'check_violation';
  END IF;
  INSERT INTO eligibility_changes (kind, state)
    SELECT 'DAY', jsonb_build_object('business_day', NEW.business_day, 'start_micros', (extract(epoch FROM NEW.day_start_time) * 1000000)::bigint,
      'group_ids', coalesce(jsonb_agg(group_id ORDER BY group_id), '[]'))
    FROM group_pools WHERE pool_id = NEW.pool_id;
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION docket.pools_day_start()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'docket', 'pg_temp'
AS $function$
BEGIN
  NEW.day_start_time := NEW.business_day::timestamp AT TIME ZONE (SELECT business_time_zone FROM settings);
  RETURN NEW;
END $function$
;

CREATE OR REPLACE FUNCTION docket.put_under_audit(audited text, entity_type text, key_columns text[], secret_columns text[], request_column text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        %2$L, %3$s, n.version, %4$L, %5$s
      FROM %6$s
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = %7$s AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
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
END $function$
;

CREATE OR REPLACE FUNCTION docket.raise_pools(touched_groups uuid[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  touched bigint[];
BEGIN
  LOOP
    touched := ARRAY(SELECT DISTINCT pool_id FROM group_pools WHERE group_id = ANY (touched_groups) ORDER BY pool_id);
    PERFORM FROM pools WHERE pool_id = ANY (touched) ORDER BY pool_id FOR UPDATE;
    EXIT WHEN touched = ARRAY(SELECT DISTINCT pool_id FROM group_pools WHERE group_id = ANY (touched_groups) ORDER BY pool_id);
  END LOOP;
  UPDATE pools SET sequence = sequence + 1, roster_sequence = roster_sequence + 1 WHERE pool_id = ANY (touched);
END $function$
;

CREATE OR REPLACE FUNCTION docket.raise_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  NEW.version := OLD.version + 1;
  IF NEW.update_time = OLD.update_time THEN
    NEW.update_time := docket.docket_now();
  END IF;
  RETURN NEW;
END $function$
;

CREATE OR REPLACE FUNCTION docket.record_refused_calls(calls jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION docket.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF TG_OP = 'UPDATE' AND current_setting('docket.erasing', true) = pg_current_xact_id()::text THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% of % is not allowed', lower(TG_OP), TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $function$
;

CREATE OR REPLACE FUNCTION docket.refuse_key_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION 'the identifier of a row of % cannot be changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $function$
;

CREATE OR REPLACE FUNCTION docket.service_tokens_audit_create()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'service_token', n.token_id::text, n.version, 'CREATE', NULL, to_jsonb(n) - '{secret_hash}'::text[], '{}'
      FROM new_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.service_tokens_audit_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'service_token', n.token_id::text, n.version, 'DELETE', to_jsonb(n) - '{secret_hash}'::text[], NULL, '{}'
      FROM old_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.service_tokens_audit_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
 SET enable_hashjoin TO 'on'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'service_token', n.token_id::text, n.version, 'UPDATE', c.before, c.after, c.changed_fields
      FROM old_rows o JOIN new_rows n ON o.token_id = n.token_id
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      CROSS JOIN LATERAL (SELECT to_jsonb(o) - '{secret_hash}'::text[] AS before, to_jsonb(n) - '{secret_hash}'::text[] AS after OFFSET 0) j
      CROSS JOIN LATERAL (
        SELECT j.after,
          coalesce(jsonb_object_agg(e.key, e.value), '{}') AS before,
          coalesce(array_agg(e.key ORDER BY e.key) FILTER (WHERE e.key NOT IN ('version', 'update_time')), '{}') AS changed_fields
        FROM jsonb_each(j.before) e WHERE e.value IS DISTINCT FROM j.after -> e.key
      ) c;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.settings_audit_create()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'settings', n.settings_id::text, n.version, 'CREATE', NULL, to_jsonb(n) - '{}'::text[], '{}'
      FROM new_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.settings_audit_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'settings', n.settings_id::text, n.version, 'DELETE', to_jsonb(n) - '{}'::text[], NULL, '{}'
      FROM old_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.settings_audit_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
 SET enable_hashjoin TO 'on'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'settings', n.settings_id::text, n.version, 'UPDATE', c.before, c.after, c.changed_fields
      FROM old_rows o JOIN new_rows n ON o.settings_id = n.settings_id
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      CROSS JOIN LATERAL (SELECT to_jsonb(o) - '{}'::text[] AS before, to_jsonb(n) - '{}'::text[] AS after OFFSET 0) j
      CROSS JOIN LATERAL (
        SELECT j.after,
          coalesce(jsonb_object_agg(e.key, e.value), '{}') AS before,
          coalesce(array_agg(e.key ORDER BY e.key) FILTER (WHERE e.key NOT IN ('version', 'update_time')), '{}') AS changed_fields
        FROM jsonb_each(j.before) e WHERE e.value IS DISTINCT FROM j.after -> e.key
      ) c;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.tickets_audit_create()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'ticket', n.ticket_id::text, n.version, 'CREATE', NULL, to_jsonb(n) - '{last_request}'::text[], '{}'
      FROM new_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = n.last_request AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.tickets_audit_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'ticket', n.ticket_id::text, n.version, 'DELETE', to_jsonb(n) - '{last_request}'::text[], NULL, '{}'
      FROM old_rows n
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = NULL::uuid AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      ;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.tickets_audit_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
 SET enable_hashjoin TO 'on'
AS $function$
    DECLARE
      setting uuid := named_request();
      at timestamptz := docket_now();
    BEGIN
      INSERT INTO audit_entries (time, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields)
      SELECT time_of_change(CASE WHEN TG_OP = 'DELETE' THEN s.time ELSE n.update_time END, at),
        coalesce(s.actor, r.actor, 'database:' || session_user),
        coalesce(s.actor_kind, r.actor_kind, 'DATABASE'),
        coalesce(s.rpc, r.rpc, ''),
        CASE WHEN s.request_key IS NOT NULL THEN s.request_id ELSE r.request_id END,
        coalesce(s.reason, r.reason, ''),
        'ticket', n.ticket_id::text, n.version, 'UPDATE', c.before, c.after, c.changed_fields
      FROM old_rows o JOIN new_rows n ON o.ticket_id = n.ticket_id
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = setting AND q.transaction_id = pg_current_xact_id() OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT q.request_key, q.actor, q.actor_kind, q.rpc, q.request_id, q.reason, q.time FROM requests q
        WHERE q.request_key = n.last_request AND q.transaction_id = pg_current_xact_id() OFFSET 0) r ON true
      CROSS JOIN LATERAL (SELECT to_jsonb(o) - '{last_request}'::text[] AS before, to_jsonb(n) - '{last_request}'::text[] AS after OFFSET 0) j
      CROSS JOIN LATERAL (
        SELECT j.after,
          coalesce(jsonb_object_agg(e.key, e.value), '{}') AS before,
          coalesce(array_agg(e.key ORDER BY e.key) FILTER (WHERE e.key NOT IN ('version', 'update_time')), '{}') AS changed_fields
        FROM jsonb_each(j.before) e WHERE e.value IS DISTINCT FROM j.after -> e.key
      ) c;
      RETURN NULL;
    END $function$
;

CREATE OR REPLACE FUNCTION docket.time_of_change(told timestamp with time zone, written timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
AS $function$
  SELECT CASE WHEN told BETWEEN transaction_timestamp() AND written THEN told ELSE written END
$function$
;

CREATE OR REPLACE FUNCTION docket.writers_under_way()
 RETURNS TABLE(transaction_id xid, start_time timestamp with time zone)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'docket', 'pg_temp'
AS $function$
BEGIN
  -- In a test whose clock was set back they began earlier by that clock; one that is ahead may have been moved since, and does not count.
  RETURN QUERY SELECT a.backend_xid, a.xact_start + least(docket_now() - own.query_start, interval '0')
    FROM pg_stat_activity own JOIN pg_stat_activity a ON a.datid = own.datid
    WHERE own.pid = pg_backend_pid() AND a.backend_xid IS NOT NULL;
  -- After the sessions: a transaction that is being prepared is met in one of the two at least.
  RETURN QUERY SELECT p.transaction, NULL::timestamptz FROM pg_prepared_xacts p WHERE p.database = current_database();
END $function$
;

