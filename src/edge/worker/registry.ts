import { makeAuditPartitions } from '../../domain/audit/index.ts';
import { dropOldRequests } from '../../foundation/jobs/drop-old-requests.ts';
import type { Job } from '../../foundation/jobs/job.ts';

/** The only list of jobs. */
export const jobs: readonly Job[] = [makeAuditPartitions, dropOldRequests];
