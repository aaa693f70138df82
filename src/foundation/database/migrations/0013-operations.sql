-- Operations: changes of more tickets than one transaction takes. They go on after the call that began them, in chunks; each chunk is one
-- transaction that changes its tickets and says so, so that no ticket is dealt with twice and none is left out, whoever is killed.

-- One for each operation, for ever. It changes when it is accepted and when it ends, so its entries in the log are few; how far it is, is
-- told by `operation_progress`.
CREATE TABLE operations (
  operation_id    uuid PRIMARY KEY,
  kind            text NOT NULL CHECK (kind IN ('BULK_UPDATE_TICKETS', 'REASSIGN_TICKETS')),
  state           text NOT NULL CHECK (state IN ('RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
  -- who began it, and as what: his rights are looked at anew for each chunk
  actor           text COLLATE "C" NOT NULL,
  actor_kind      text NOT NULL CHECK (actor_kind IN ('USER', 'SERVICE')),
  roles           text[] NOT NULL,
  caller_agent_id text COLLATE "C",
  rpc             text COLLATE "C" NOT NULL,
  -- the request id of its entries in the log
  request_id      uuid NOT NULL,
  reason          text NOT NULL,
  -- what is to be done; not in the log, where the changes themselves are
  input           jsonb NOT NULL,
  total_count     bigint NOT NULL,
  -- what came of it, once it has ended
  changed_count   bigint NOT NULL DEFAULT 0,
  unchanged_count bigint NOT NULL DEFAULT 0,
  failed_count    bigint NOT NULL DEFAULT 0,
  error_reason    text NOT NULL DEFAULT '',
  error_message   text NOT NULL DEFAULT '',
  version         bigint NOT NULL DEFAULT 1,
  create_time     timestamptz NOT NULL,
  update_time     timestamptz NOT NULL,
  end_time        timestamptz
);
CREATE INDEX operations_by_create_time ON operations (create_time, operation_id);
CREATE INDEX operations_of_actor ON operations (actor, create_time, operation_id);
CREATE INDEX operations_unfinished ON operations (create_time) WHERE state = 'RUNNING';
CREATE INDEX operations_by_end_time ON operations (end_time) WHERE end_time IS NOT NULL;
SELECT put_under_audit('operations', 'operation', '{operation_id}', '{input}', NULL);

-- How far each has come. Changes with every chunk, so it is not under audit and keeps to its page.
CREATE TABLE operation_progress (
  operation_id    uuid PRIMARY KEY REFERENCES operations,
  next_chunk      integer NOT NULL DEFAULT 0,
  changed_count   bigint NOT NULL DEFAULT 0,
  unchanged_count bigint NOT NULL DEFAULT 0,
  failed_count    bigint NOT NULL DEFAULT 0,
  pause_reason    text NOT NULL DEFAULT '',
  -- what one chunk tells the next: for a deal, who has received how many
  memory          jsonb NOT NULL DEFAULT '{}',
  -- the run of the job that does its chunks; another takes over when nothing was heard of it for a while
  runner          uuid,
  update_time     timestamptz NOT NULL
) WITH (fillfactor = 50);

-- The tickets of an operation as they were selected, in the order in which it deals with them, and what became of each; in parallel.
-- Dropped 30 days after it has ended.
CREATE TABLE operation_chunks (
  operation_id   uuid NOT NULL,
  chunk          integer NOT NULL,
  ticket_ids     uuid[] NOT NULL,
  -- null until it is done: 2 changed, 3 unchanged, 4 failed
  outcomes       smallint[],
  to_agent_ids   text[],
  reasons        text[],
  messages       text[],
  -- the transaction that did it
  transaction_id xid8,
  PRIMARY KEY (operation_id, chunk)
);

-- The chunks of an operation carry its request id as well, so that its changes are found by it; a repeat of the request is answered by
-- the call that began it alone.
ALTER TABLE requests ADD COLUMN operation_id uuid;
DROP INDEX requests_by_caller;
CREATE UNIQUE INDEX requests_by_caller ON requests (actor, request_id) WHERE request_id IS NOT NULL AND operation_id IS NULL;

-- Plans of reassignments, as `validate_only` answered them: kept for a while, so that just this can be carried out. Not under audit: nothing
-- has changed yet, and what a plan does is logged when it is carried out.
CREATE TABLE reassignment_plans (
  plan_id     uuid PRIMARY KEY,
  actor       text COLLATE "C" NOT NULL,
  ticket_count integer NOT NULL,
  expire_time timestamptz NOT NULL,
  -- when an operation began to carry it out: once is all that it is for
  accept_time timestamptz
);
CREATE INDEX reassignment_plans_by_expire_time ON reassignment_plans (expire_time);

-- The tickets that a plan moves, as they were, and to whom.
CREATE TABLE reassignment_plan_tickets (
  plan_id       uuid NOT NULL REFERENCES reassignment_plans ON DELETE CASCADE,
  ticket_id     uuid NOT NULL,
  group_id      uuid NOT NULL,
  status        smallint NOT NULL,
  from_agent_id text COLLATE "C",
  to_agent_id   text COLLATE "C" NOT NULL,
  PRIMARY KEY (plan_id, ticket_id)
);
