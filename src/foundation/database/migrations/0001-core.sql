-- The core: settings, requests, groups, agents, memberships, tickets, decisions, and the audit log.

CREATE FUNCTION docket_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$ SELECT clock_timestamp() $$;
COMMENT ON FUNCTION docket_now() IS 'The one clock of the service: real time, not the start of the transaction. Only test templates replace it.';

-- Requests ------------------------------------------------------------------------------------
-- One row per mutating call: the attribution of every change it made, and (where the caller gave a
-- request id) the answer to repeat. Kept 30 days.
CREATE TABLE requests (
  request_key    uuid PRIMARY KEY,
  actor          text NOT NULL,
  actor_kind     text NOT NULL CHECK (actor_kind IN ('USER', 'SERVICE', 'SYSTEM')),
  rpc            text NOT NULL,
  request_id     uuid,
  reason         text NOT NULL DEFAULT '',
  body_hash      bytea NOT NULL,
  answer         bytea,
  transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
  time           timestamptz NOT NULL DEFAULT docket_now()
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX requests_by_caller ON requests (actor, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX requests_by_time ON requests USING brin (time);

-- Settings ------------------------------------------------------------------------------------
CREATE TABLE settings (
  settings_id        boolean PRIMARY KEY DEFAULT true CHECK (settings_id),
  business_time_zone text NOT NULL DEFAULT 'UTC',
  version            bigint NOT NULL DEFAULT 1,
  update_time        timestamptz NOT NULL DEFAULT docket_now()
);

-- Groups, agents, memberships -----------------------------------------------------------------
CREATE TABLE groups (
  group_id              uuid PRIMARY KEY,
  key                   text COLLATE "C" NOT NULL UNIQUE,
  name                  text NOT NULL,
  description           text NOT NULL DEFAULT '',
  active                boolean NOT NULL DEFAULT true,
  time_zone             text NOT NULL DEFAULT 'UTC',
  strategy              text NOT NULL DEFAULT 'LEAST_ASSIGNED_TODAY' CHECK (strategy IN ('LEAST_ASSIGNED_TODAY', 'MANUAL')),
  catch_up_limit        integer CHECK (catch_up_limit >= 0),
  max_open_per_agent    integer CHECK (max_open_per_agent >= 0),
  required_skills       jsonb NOT NULL DEFAULT '{}',
  prefer_previous_agent boolean NOT NULL DEFAULT true,
  policy_version        integer NOT NULL DEFAULT 1,
  supervisor_ids        text[] NOT NULL DEFAULT '{}',
  version               bigint NOT NULL DEFAULT 1,
  create_time           timestamptz NOT NULL,
  update_time           timestamptz NOT NULL,
  delete_time           timestamptz
);
CREATE INDEX groups_by_create_time ON groups (create_time, group_id);
CREATE INDEX groups_by_supervisor ON groups USING gin (supervisor_ids);

CREATE TABLE agents (
  agent_id                text COLLATE "C" PRIMARY KEY,
  display_name            text NOT NULL DEFAULT '',
  email                   text NOT NULL DEFAULT '',
  active                  boolean NOT NULL DEFAULT true,
  availability            text NOT NULL DEFAULT 'AVAILABLE' CHECK (availability IN ('AVAILABLE', 'AWAY', 'OFFLINE')),
  availability_until_time timestamptz,
  skills                  jsonb NOT NULL DEFAULT '{}',
  weight                  integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 1000),
  max_open_tickets        integer CHECK (max_open_tickets >= 0),
  time_zone               text NOT NULL DEFAULT 'UTC',
  version                 bigint NOT NULL DEFAULT 1,
  create_time             timestamptz NOT NULL,
  update_time             timestamptz NOT NULL,
  delete_time             timestamptz
);
CREATE INDEX agents_by_create_time ON agents (create_time, agent_id);

-- Rows of a deleted agent stay, so that undelete brings them back and his groups stay in one pool.
CREATE TABLE memberships (
  group_id    uuid NOT NULL REFERENCES groups,
  agent_id    text COLLATE "C" NOT NULL REFERENCES agents,
  version     bigint NOT NULL DEFAULT 1,
  create_time timestamptz NOT NULL,
  update_time timestamptz NOT NULL,
  PRIMARY KEY (group_id, agent_id)
);
CREATE INDEX memberships_by_agent ON memberships (agent_id, group_id);

-- Pools ---------------------------------------------------------------------------------------
-- The lock under which assignments of connected groups happen one batch after another. `sequence`
-- rises with every batch and every change of the roster, so that a process knows whether what it
-- remembers of the pool is still true. The business day never goes backwards.
CREATE TABLE pools (
  pool_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sequence     bigint NOT NULL DEFAULT 0,
  business_day date NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

CREATE TABLE group_pools (
  group_id uuid PRIMARY KEY REFERENCES groups,
  pool_id  bigint NOT NULL
);
CREATE INDEX group_pools_by_pool ON group_pools (pool_id);

-- Counters, written by the engine under the pool lock. Derived, hence not audited; no index on any
-- counter, so that every update stays in its page (HOT).
CREATE TABLE group_counters (
  group_id           uuid PRIMARY KEY REFERENCES groups,
  last_ticket_number bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE agent_counters (
  agent_id               text COLLATE "C" PRIMARY KEY REFERENCES agents,
  business_day           date NOT NULL DEFAULT '-infinity',
  assigned_today         integer NOT NULL DEFAULT 0,
  resolved_today         integer NOT NULL DEFAULT 0,
  total_assigned         bigint NOT NULL DEFAULT 0,
  total_resolved         bigint NOT NULL DEFAULT 0,
  open_tickets           integer NOT NULL DEFAULT 0,
  last_assigned_sequence bigint NOT NULL DEFAULT 0,
  last_assign_time       timestamptz
) WITH (fillfactor = 50);

-- The head start that an agent who came late is charged with in one group, for one business day.
CREATE TABLE handicaps (
  group_id     uuid NOT NULL,
  agent_id     text COLLATE "C" NOT NULL,
  business_day date NOT NULL,
  handicap     integer NOT NULL CHECK (handicap > 0),
  PRIMARY KEY (group_id, agent_id)
);

-- Tickets -------------------------------------------------------------------------------------
-- status: 1 OPEN, 2 IN_PROGRESS, 3 ON_HOLD (these are pending), 4 RESOLVED, 5 CLOSED, 6 CANCELLED
-- priority: 1 LOW, 2 MEDIUM, 3 HIGH, 4 URGENT
CREATE TABLE tickets (
  ticket_id           uuid PRIMARY KEY,
  key                 text COLLATE "C" NOT NULL UNIQUE,
  group_id            uuid NOT NULL REFERENCES groups,
  user_id             bigint NOT NULL,
  agent_id            text COLLATE "C" REFERENCES agents,
  status              smallint NOT NULL CHECK (status BETWEEN 1 AND 6),
  priority            smallint NOT NULL CHECK (priority BETWEEN 1 AND 4),
  title               text NOT NULL DEFAULT '',
  description         text NOT NULL DEFAULT '',
  attributes          jsonb NOT NULL DEFAULT '{}',
  labels              text[] NOT NULL DEFAULT '{}',
  external_references jsonb NOT NULL DEFAULT '[]',
  reopen_count        integer NOT NULL DEFAULT 0,
  version             bigint NOT NULL DEFAULT 1,
  create_time         timestamptz NOT NULL,
  update_time         timestamptz NOT NULL,
  assign_time         timestamptz,
  resolve_time        timestamptz,
  close_time          timestamptz,
  last_request        uuid
) WITH (fillfactor = 85);
-- What waits for an agent, in the order it is given out.
CREATE INDEX tickets_waiting ON tickets (group_id, priority DESC, create_time, ticket_id) WHERE agent_id IS NULL AND status <= 3;
-- What an agent has on his desk, in the order it is dealt out.
CREATE INDEX tickets_pending_of_agent ON tickets (agent_id, priority DESC, create_time, ticket_id) WHERE agent_id IS NOT NULL AND status <= 3;
CREATE INDEX tickets_by_create_time ON tickets (create_time, ticket_id);
CREATE INDEX tickets_of_group ON tickets (group_id, create_time, ticket_id);
CREATE INDEX tickets_of_agent ON tickets (agent_id, create_time, ticket_id);
CREATE INDEX tickets_of_user ON tickets (user_id, create_time, ticket_id);
CREATE INDEX tickets_by_priority ON tickets (priority, create_time, ticket_id);

-- One ticket per outside identifier, for ever.
CREATE TABLE external_reference_keys (
  system      text COLLATE "C" NOT NULL,
  external_id text COLLATE "C" NOT NULL,
  ticket_id   uuid NOT NULL,
  PRIMARY KEY (system, external_id)
);

-- Decisions -----------------------------------------------------------------------------------
-- One sequence numbers decisions, releases and changes of eligibility, so that the whole history can
-- be replayed in order. Numbers are taken under the pool lock; gaps mean nothing.
CREATE SEQUENCE assignment_sequence AS bigint;

-- The choice as it stood before the first ticket of the round; arrays run in parallel. A null room is no limit.
CREATE TABLE assignment_rounds (
  round_id       bigint PRIMARY KEY,
  rule           text NOT NULL CHECK (rule IN ('POLICY', 'DEAL')),
  deal_id        bigint,
  group_id       uuid NOT NULL,
  policy         jsonb NOT NULL,
  business_day   date NOT NULL,
  time           timestamptz NOT NULL,
  agent_ids      text[] NOT NULL,
  assigned_today integer[] NOT NULL,
  handicaps      integer[] NOT NULL,
  last_sequences bigint[] NOT NULL,
  open_tickets   integer[] NOT NULL,
  rooms          integer[] NOT NULL,
  received       integer[] NOT NULL,
  left_out_agent_ids text[] NOT NULL,
  left_out_reasons   text[] NOT NULL
);

CREATE TABLE assignment_decisions (
  sequence          bigint PRIMARY KEY,
  ticket_id         uuid NOT NULL,
  group_id          uuid NOT NULL,
  kind              text NOT NULL CHECK (kind IN ('CREATE', 'WAITING', 'REOPEN', 'REASSIGN', 'MANUAL')),
  round_id          bigint,
  position          integer,
  agent_id          text COLLATE "C" NOT NULL,
  previous_agent_id text COLLATE "C",
  tie_break         text NOT NULL CHECK (tie_break IN ('NONE', 'ONLY_CANDIDATE', 'PREVIOUS_AGENT', 'FEWEST_RECEIVED', 'FEWEST_ASSIGNED_TODAY', 'LEAST_RECENTLY_ASSIGNED', 'AGENT_ID')),
  business_day      date NOT NULL,
  time              timestamptz NOT NULL,
  request_key       uuid NOT NULL
);
CREATE INDEX assignment_decisions_of_ticket ON assignment_decisions (ticket_id, sequence);
-- Rows lie in the order of their days: a summary of the pages finds one day, and costs next to nothing.
CREATE INDEX assignment_decisions_by_day ON assignment_decisions USING brin (business_day) WITH (autosummarize = on);

-- A pending ticket left an agent's desk: finished, or taken from him.
CREATE TABLE assignment_releases (
  sequence     bigint PRIMARY KEY,
  ticket_id    uuid NOT NULL,
  group_id     uuid NOT NULL,
  agent_id     text COLLATE "C" NOT NULL,
  resolved     boolean NOT NULL,
  business_day date NOT NULL,
  time         timestamptz NOT NULL,
  request_key  uuid NOT NULL
);
CREATE INDEX assignment_releases_by_day ON assignment_releases USING brin (business_day) WITH (autosummarize = on);

-- Who could be given work, and by which rule, from when on. Written by triggers alone.
CREATE TABLE eligibility_changes (
  sequence bigint PRIMARY KEY DEFAULT nextval('assignment_sequence'),
  time     timestamptz NOT NULL DEFAULT docket_now(),
  kind     text NOT NULL CHECK (kind IN ('AGENT', 'GROUP', 'MEMBERSHIP', 'HANDICAP', 'DAY')),
  group_id uuid,
  agent_id text COLLATE "C",
  state    jsonb NOT NULL
);

-- Access --------------------------------------------------------------------------------------
CREATE TABLE service_tokens (
  token_id     uuid PRIMARY KEY,
  prefix       text COLLATE "C" NOT NULL UNIQUE,
  secret_hash  bytea NOT NULL,
  name         text NOT NULL,
  roles        text[] NOT NULL,
  agent_id     text COLLATE "C",
  create_time  timestamptz NOT NULL DEFAULT docket_now(),
  update_time  timestamptz NOT NULL DEFAULT docket_now(),
  expire_time  timestamptz,
  revoke_time  timestamptz,
  version      bigint NOT NULL DEFAULT 1
);

-- A key of this deployment for signing page tokens.
CREATE TABLE deployment_secrets (
  name   text PRIMARY KEY,
  secret bytea NOT NULL
);
