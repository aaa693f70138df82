import { openGraphileWorker } from '../../competitors/graphile-worker.ts';
import { openL1, openL1x, openL64 } from '../../competitors/hand-written.ts';
import { openPgBoss } from '../../competitors/pg-boss.ts';
import { openReassignByHand } from '../../competitors/reassign.ts';
import type { OpenSubject } from '../subject.ts';
import { openBatchCreate } from './batch-create.ts';
import { openCreateResolve } from './create-resolve.ts';
import { openCreateTicket } from './create-ticket.ts';
import { openEmptyCall } from './empty-call.ts';
import { openGetTicket, openSelect } from './get-ticket.ts';
import { openGetTicketAsOf } from './get-ticket-as-of.ts';
import { openListTickets } from './list-tickets.ts';
import { openReassign } from './reassign.ts';

/** Everything that a load process can drive, by name: the only list. */
export const subjects: Readonly<Record<string, OpenSubject>> = {
  'create-ticket': openCreateTicket,
  'create-resolve': openCreateResolve,
  'batch-create': openBatchCreate,
  'get-ticket': openGetTicket,
  'get-ticket-as-of': openGetTicketAsOf,
  reassign: openReassign,
  'reassign-by-hand': openReassignByHand,
  'list-tickets': openListTickets,
  'empty-call': openEmptyCall,
  select: openSelect,
  l1: openL1,
  l1x: openL1x,
  l64: openL64,
  'pg-boss': openPgBoss,
  'graphile-worker': openGraphileWorker,
};
