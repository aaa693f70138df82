-- Thin: what can be had at all. Each ticket with an audit row by a trigger, a decision and an idempotency record, in tables that hold
-- nothing else: one index each, no lists, no states, no history, no attribution, no partitions.
CREATE SCHEMA docket;
SET search_path = docket;
CREATE SEQUENCE assignment_sequence;
CREATE TABLE pools (pool_id integer PRIMARY KEY, sequence bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
INSERT INTO pools VALUES (1);
CREATE TABLE groups (group_id uuid PRIMARY KEY, last_ticket_number bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
INSERT INTO groups VALUES (gen_random_uuid());
CREATE TABLE agent_counters (agent_id text PRIMARY KEY, assigned_today integer NOT NULL DEFAULT 0, last_assigned_sequence bigint) WITH (fillfactor = 50);
CREATE TABLE requests (request_key uuid NOT NULL, rpc text NOT NULL, request_id uuid PRIMARY KEY, body_hash bytea NOT NULL, answer bytea NOT NULL);
CREATE TABLE tickets (
  ticket_id uuid PRIMARY KEY, key text NOT NULL, group_id uuid NOT NULL, user_id bigint NOT NULL, agent_id text NOT NULL, status smallint NOT NULL,
  title text NOT NULL, create_time timestamptz NOT NULL, last_request uuid NOT NULL
);
CREATE TABLE assignment_decisions (sequence bigint PRIMARY KEY, ticket_id uuid NOT NULL, position integer NOT NULL, agent_id text NOT NULL);
CREATE TABLE audit_entries (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ticket_id uuid NOT NULL, request_key uuid NOT NULL, after jsonb NOT NULL,
  time timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION log_tickets() RETURNS trigger LANGUAGE plpgsql SET search_path = docket, pg_temp AS $$
BEGIN
  INSERT INTO audit_entries (ticket_id, request_key, after) SELECT ticket_id, last_request, to_jsonb(new_tickets) FROM new_tickets;
  RETURN NULL;
END $$;
CREATE TRIGGER log_tickets AFTER INSERT ON tickets REFERENCING NEW TABLE AS new_tickets FOR EACH STATEMENT EXECUTE FUNCTION log_tickets();
CREATE FUNCTION create_least(
  in_group uuid, last_number bigint, at timestamptz, ticket_ids uuid[], user_ids bigint[], titles text[], agent_ids text[], keys uuid[],
  rpc text, request_keys uuid[], request_ids uuid[], hashes bytea[], answers bytea[]
) RETURNS void LANGUAGE plpgsql SET search_path = docket, pg_temp AS $$
#variable_conflict use_column
DECLARE
  first_number bigint;
BEGIN
  PERFORM FROM pools FOR UPDATE;
  UPDATE pools SET sequence = sequence + 1;
  first_number := nextval('assignment_sequence') * 1024;
  INSERT INTO requests (request_key, rpc, request_id, body_hash, answer)
    SELECT key, create_least.rpc, id, hash, answer FROM unnest(request_keys, request_ids, hashes, answers) AS new(key, id, hash, answer);
  INSERT INTO tickets (ticket_id, key, group_id, user_id, agent_id, status, title, create_time, last_request)
    SELECT id, 'G1-' || last_number - cardinality(ticket_ids) + place, in_group, user_id, agent_id, 1, title, at, key
    FROM unnest(ticket_ids, user_ids, titles, agent_ids, keys) WITH ORDINALITY AS new(id, user_id, title, agent_id, key, place);
  UPDATE groups SET last_ticket_number = last_number WHERE group_id = in_group;
  INSERT INTO assignment_decisions (sequence, ticket_id, position, agent_id)
    SELECT first_number + place, id, place, agent_id FROM unnest(ticket_ids, agent_ids) WITH ORDINALITY AS new(id, agent_id, place);
  UPDATE agent_counters c SET assigned_today = assigned_today + won, last_assigned_sequence = first_number
    FROM (SELECT agent_id, count(*) AS won FROM unnest(agent_ids) AS new(agent_id) GROUP BY agent_id) new WHERE c.agent_id = new.agent_id;
END $$;
