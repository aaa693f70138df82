-- Tickets imported from files by RPC. The rows of a file are set down before the operation that makes tickets of them is accepted, in short
-- statements of their own, so that accepting it is short however large the file is.

ALTER TABLE operations DROP CONSTRAINT operations_kind_check;
ALTER TABLE operations ADD CONSTRAINT operations_kind_check CHECK (kind IN ('BULK_UPDATE_TICKETS', 'REASSIGN_TICKETS', 'IMPORT_TICKETS'));

-- What an import tells of each row besides: its line, the field that is wrong, and the ticket that was there already. The ids among
-- `ticket_ids` are those of tickets to be.
ALTER TABLE operation_chunks ADD COLUMN lines integer[], ADD COLUMN fields text[], ADD COLUMN found_ids uuid[];

-- One for each upload. Those that were never accepted are dropped after a day, the others 30 days after their operation has ended. Not under
-- audit: what comes of the rows is.
CREATE TABLE imports (
  operation_id uuid PRIMARY KEY,
  create_time  timestamptz NOT NULL,
  -- when its operation was accepted; until then nobody but its own call knows of it
  accept_time  timestamptz
);
CREATE INDEX imports_by_create_time ON imports (create_time);

-- The rows of an upload, chunk by chunk as the operation deals with them. Once a chunk is done only the rows that failed are kept: what became a
-- ticket is to be found, and erased, there alone.
CREATE TABLE import_rows (
  operation_id uuid NOT NULL REFERENCES imports ON DELETE CASCADE,
  chunk        integer NOT NULL,
  ticket_ids   uuid[] NOT NULL,
  lines        integer[] NOT NULL,
  -- a JSON array, null for rows that need not be known any more; as text, since files hold characters that jsonb does not
  rows         text NOT NULL,
  PRIMARY KEY (operation_id, chunk)
);
