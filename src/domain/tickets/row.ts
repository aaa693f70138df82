import type { JsonObject } from '@bufbuild/protobuf';
import type { Instant } from '../../foundation/clock.ts';

/** A row of `tickets` as hand-written SQL reads it: plans of changes move it in memory before they write it. */
export interface TicketRow {
  ticket_id: string;
  key: string;
  group_id: string;
  user_id: string;
  agent_id: string | null;
  /** A number of `TicketStatus` in the contract. */
  status: number;
  /** A number of `Priority` in the contract. */
  priority: number;
  title: string;
  description: string;
  attributes: JsonObject;
  labels: string[];
  external_references: { system: string; id: string; url: string }[];
  reopen_count: number;
  version: string;
  create_time: Instant;
  update_time: Instant;
  assign_time: Instant | null;
  /** When it last began to wait; null when it does not. */
  wait_start_time: Instant | null;
  resolve_time: Instant | null;
  close_time: Instant | null;
  /** The request that changed it last. */
  last_request: string | null;
}

/** What to select from `tickets` to get a `TicketRow`. */
export const TICKET_COLUMNS = `ticket_id, key, group_id, user_id, agent_id, status, priority, title, description, attributes, labels,
  external_references, reopen_count, version, create_time, update_time, assign_time, wait_start_time, resolve_time, close_time, last_request`;
