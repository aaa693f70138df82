-- Of indexes that cost the same PostgreSQL takes the youngest. While there are few tickets they all cost the same, and a plan that
-- is kept from then must find a ticket by its id, not by walking through an index that merely ends with it.
ALTER TABLE tickets DROP CONSTRAINT tickets_pkey;
ALTER TABLE tickets ADD CONSTRAINT tickets_pkey PRIMARY KEY (ticket_id);
