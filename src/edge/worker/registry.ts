import { endTimedAvailability, finishLeaving, finishRemovingMembers } from '../../domain/agents/index.ts';
import { makeAuditPartitions } from '../../domain/audit/index.ts';
import { finishDeletingGroup, splitPools } from '../../domain/groups/index.ts';
import { dropOldResults, makeRunOperation, resumeOperations } from '../../domain/operations/index.ts';
import {
  bulkUpdateOperation,
  dropOldImportRows,
  dropOldPlans,
  eraseAnswers,
  importOperation,
  reassignOperation,
  relaxWaitingTickets,
} from '../../domain/tickets/index.ts';
import { dropOldRequests } from '../../foundation/jobs/drop-old-requests.ts';
import type { Job } from '../../foundation/jobs/job.ts';

/** The only list of jobs. Each takes the data that its own name was enqueued with. */
export const jobs = [
  makeAuditPartitions,
  dropOldRequests,
  splitPools,
  finishDeletingGroup,
  finishLeaving,
  finishRemovingMembers,
  endTimedAvailability,
  relaxWaitingTickets,
  eraseAnswers,
  makeRunOperation([bulkUpdateOperation, reassignOperation, importOperation]),
  resumeOperations,
  dropOldResults,
  dropOldPlans,
  dropOldImportRows,
] as readonly Job[];
