import type { Scenario } from '../scenario.ts';
import { batchCreate1000 } from './batch-create-1000.ts';
import { create1 } from './create-1.ts';
import { create64 } from './create-64.ts';
import { create256 } from './create-256.ts';
import { createResolve } from './create-resolve.ts';
import { fiftyPools } from './fifty-pools.ts';
import { getTicket } from './get-ticket.ts';
import { getTicketAsOf } from './get-ticket-as-of.ts';
import { growthAgents } from './growth-agents.ts';
import { growthTickets } from './growth-tickets.ts';
import { listPages } from './list-pages.ts';
import { memory } from './memory.ts';
import { reassign100000 } from './reassign-100000.ts';
import { sealedLog } from './sealed-log.ts';
import { threeProcesses } from './three-processes.ts';

/** Every scenario, in the order in which they run: the only list. */
export const scenarios: readonly Scenario[] = [
  create64,
  create256,
  fiftyPools,
  createResolve,
  threeProcesses,
  create1,
  batchCreate1000,
  reassign100000,
  getTicket,
  growthAgents,
  memory,
  sealedLog,
  growthTickets,
  listPages,
  getTicketAsOf,
];
