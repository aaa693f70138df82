import type { StringValueSchema } from '@bufbuild/protobuf/wkt';
import type { CommandKind } from '../../foundation/commands/command.ts';
import { submit, submitJob } from '../../foundation/commands/submit.ts';
import type { Intent } from '../../foundation/context.ts';
import { sqlOf } from '../../foundation/database/sql.ts';
import { DomainError } from '../../foundation/errors.ts';
import { newId } from '../../foundation/ids.ts';
import { again, DONE, type Job, type JobDeps, type JobOutcome } from '../../foundation/jobs/job.ts';
import { RUN_OPERATION } from './accept.ts';
import { giveUpOperation, resumeOperationsCommand } from './commands.ts';
import { findOperation, pauseOperation } from './progress.ts';
import { type OperationRow, RESULT_RETENTION_DAYS } from './row.ts';
import { BUSY_COMMANDS, CHUNKS_WHILE_ALONE, computePauseMs, RUNNER_SILENCE_MS, STEPS_BEFORE_ALONE, UNFORESEEN_FAILURES } from './rules.ts';
import { makeTakeStep, type NextStep, type OperationKind, type StepOutcome } from './step.ts';

/** An operation to carry on, and how it went so far. */
interface OperationRun {
  readonly operationId: string;
  /** Pauses and unforeseen failures, each in a row. */
  readonly pauses?: number;
  readonly failures?: number;
}

/** Carries operations of these kinds on, step by step, until they have ended; one at a time in each process. Pauses while the service has more to do than it can. */
export function makeRunOperation(kinds: readonly OperationKind[]): Job<OperationRun> {
  const takeStep = makeTakeStep(kinds);
  return {
    name: RUN_OPERATION,
    async run(data, deps) {
      const operation = await findOperation(sqlOf(deps.orm.em.fork()), data.operationId);
      return operation ? carryOn(operation, takeStep, data, deps) : DONE;
    },
  };
}

type TakeStep = CommandKind<NextStep, typeof StringValueSchema>;

async function carryOn(operation: OperationRow, takeStep: TakeStep, data: OperationRun, deps: JobDeps): Promise<JobOutcome<OperationRun>> {
  const { operationId, pauses = 0, failures = 0 } = data;
  const runner = newId();
  let steps = 0;
  let quiet = 0;
  const pause = async (reason: string): Promise<JobOutcome<OperationRun>> => {
    const inARow = steps > 0 ? 0 : pauses;
    await pauseOperation(sqlOf(deps.orm.em.fork()), operationId, runner, reason);
    return again(computePauseMs(inARow), { operationId, pauses: inARow + 1 });
  };
  for (;;) {
    if (deps.queue.depth >= BUSY_COMMANDS) return pause('too many changes wait to be made');
    let outcome: StepOutcome;
    try {
      outcome = await submitStep(operation, takeStep, { operationId, runner, chunks: quiet >= STEPS_BEFORE_ALONE ? CHUNKS_WHILE_ALONE : 1 }, deps);
    } catch (error) {
      if (error instanceof DomainError && ['resource_exhausted', 'unavailable', 'aborted'].includes(error.kind)) return pause(error.message);
      deps.log.error({ err: error, operation_id: operationId }, 'a step of an operation failed');
      const inARow = steps > 0 ? 1 : failures + 1;
      if (inARow < UNFORESEEN_FAILURES) return again(computePauseMs(inARow), { operationId, failures: inARow });
      await submit(deps.queue, askerOf(operation), giveUpOperation, { operationId });
      return DONE;
    }
    if (outcome === 'ended') return DONE;
    // The other run may be one of a process that was killed.
    if (outcome === 'taken') return again(RUNNER_SILENCE_MS, { operationId });
    steps += 1;
    quiet = outcome === 'alone' ? quiet + 1 : 0;
    if (deps.signal.aborted) {
      await pauseOperation(sqlOf(deps.orm.em.fork()), operationId, runner, 'the process that carried it on stops');
      return again(0, { operationId });
    }
  }
}

async function submitStep(operation: OperationRow, takeStep: TakeStep, step: NextStep, { queue }: JobDeps): Promise<StepOutcome> {
  const { value } = await submit(queue, askerOf(operation), takeStep, step);
  return value as StepOutcome;
}

/** Whoever began it; without the request id, which only the call itself answers to. */
function askerOf({ actor, actor_kind: actorKind, rpc, reason }: OperationRow): Parameters<typeof submit>[1] {
  const intent: Intent = { requestId: undefined, bodyHash: new Uint8Array(), validateOnly: false, reason };
  return { caller: { actor, actorKind }, rpc, intent };
}

/** How long an operation that goes on may be silent, in seconds, before somebody looks after it. */
const SILENCE_SECONDS = 20;
/** The job that looks after them. */
export const RESUME_OPERATIONS = 'resume-operations';

/**
 * Puts operations back to work that nobody carries on: their process was killed, or the database was away for long. Runs each minute,
 * and when a process starts: then for all that have not ended, since it may be the process itself that was killed.
 */
export const resumeOperations: Job<{ readonly starting?: boolean }> = {
  name: RESUME_OPERATIONS,
  schedule: { cron: '* * * * *', timeZone: 'UTC' },
  async run({ starting = false }, { orm, queue }) {
    const silent = await sqlOf(orm.em.fork())<{ operation_id: string }>(
      `SELECT o.operation_id FROM operations o JOIN operation_progress p USING (operation_id)
       WHERE o.state = 'RUNNING' AND ($1 OR p.update_time < docket_now() - interval '${SILENCE_SECONDS} seconds') ORDER BY o.create_time LIMIT 100`,
      [starting],
    );
    if (silent.length === 0) return DONE;
    const operationIds = silent.map((row) => row.operation_id);
    await submitJob(queue, RESUME_OPERATIONS, 'nobody carried these operations on', resumeOperationsCommand, { operationIds });
    return DONE;
  },
};

/** Operations whose tickets are dropped in one transaction. */
const DROP_AT_ONCE = 10;

/** Drops what became of the tickets of operations that ended long ago. The operations stay. */
export const dropOldResults: Job = {
  name: 'drop-old-operation-tickets',
  schedule: { cron: '47 * * * *', timeZone: 'UTC' },
  async run(_data, { orm, signal }) {
    const sql = sqlOf(orm.em.fork());
    for (;;) {
      const [dropped] = await sql<{ count: string }>(
        `WITH old AS (
           SELECT o.operation_id FROM operations o WHERE o.end_time < docket_now() - interval '${RESULT_RETENTION_DAYS} days'
             AND EXISTS (SELECT FROM operation_chunks c WHERE c.operation_id = o.operation_id) LIMIT ${DROP_AT_ONCE}
         ), gone AS (DELETE FROM operation_chunks c USING old WHERE c.operation_id = old.operation_id RETURNING 1)
         SELECT count(*) FROM old`,
      );
      if (dropped?.count === '0') return DONE;
      if (signal.aborted) return again();
    }
  },
};
