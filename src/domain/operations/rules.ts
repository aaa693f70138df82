/** Tickets of one chunk as it is stored: the least that one transaction of an operation deals with. */
export const CHUNK_TICKETS = 250;
/** Chunks that one transaction deals with while nobody else wants the pools. */
export const CHUNKS_WHILE_ALONE = 4;
/** Steps in a row in which nobody else wanted the pools, before an operation takes them to be its own. */
export const STEPS_BEFORE_ALONE = 8;
/** Tickets that one operation takes at most. */
export const OPERATION_TICKETS = 1_000_000;

/** What became of a ticket; equal to the numbers of `OperationOutcome` in the contract. */
export const OUTCOME = { CHANGED: 2, UNCHANGED: 3, FAILED: 4 } as const;

/** Changes that wait in a process from which on its operations pause. */
export const BUSY_COMMANDS = 500;
/** Failures that nobody foresaw, one after another, after which an operation is given up. */
export const UNFORESEEN_FAILURES = 5;

/** A run of the job that was silent for this long, in milliseconds, has lost its operation to the next. */
export const RUNNER_SILENCE_MS = 5_000;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** How long an operation pauses that has just paused so many times in a row, in milliseconds. */
export const computePauseMs = (pauses: number): number => Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(pauses, 10));
