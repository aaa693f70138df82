import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import type { Command, CommandKind, Plan, Unit } from '../../foundation/commands/command.ts';
import { BATCH_CAP } from '../../foundation/commands/waiting-line.ts';
import type { Caller, Role } from '../../foundation/context.ts';
import { NAME_OPERATION } from '../../foundation/database/requests.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { DomainError } from '../../foundation/errors.ts';
import { findRolesOfService, TokenInvalid } from '../access/index.ts';
import { endOperation, findOperation, isRunnersTurn, lockOperation, readChunks, storeResults, type TicketResult, type WaitingChunk } from './progress.ts';
import type { OperationKindName, OperationRow } from './row.ts';

/** What a chunk will do. */
export interface ChunkPlan {
  /** By ticket id; one for each ticket of the chunk. */
  readonly results: ReadonlyMap<string, TicketResult>;
  /** What the next chunk is to know of this one and those before; JSON. */
  readonly memory?: unknown;
  write(): Promise<void>;
}

/** What to deal with in one transaction, and for whom. */
export interface Chunk {
  readonly ticketIds: readonly string[];
  /** The numbers of its chunks; several while nobody else wants the pools. */
  readonly numbers: readonly number[];
  /** Who began the operation, with the roles that he has. */
  readonly caller: Caller;
  readonly requestKey: string;
}

/** What an operation does, chunk by chunk. */
export interface OperationKind {
  readonly name: OperationKindName;
  /** Whoever holds none of these roles any more has nothing done by it. */
  readonly roles: readonly Role[];
  /** The pools that changing these tickets needs, read without a lock. */
  pools(sql: Sql, operation: OperationRow, chunk: Pick<Chunk, 'ticketIds' | 'numbers'>): Promise<readonly string[]>;
  /** Checks and decides for each ticket by itself; throws a domain error when the whole operation makes no sense any more. */
  plan(unit: Unit, operation: OperationRow, chunk: Chunk): Promise<ChunkPlan>;
}

/** The next step of an operation. */
export interface NextStep {
  readonly operationId: string;
  /** The run of the job that asks. */
  readonly runner: string;
  /** How many chunks to deal with at once. */
  readonly chunks: number;
}

/** How a step ended: the operation has ended, another run of the job carries it on, or it goes on, and whether others want its pools too. */
export type StepOutcome = 'ended' | 'taken' | 'shared' | 'alone';

/**
 * Deals with the next chunks of an operation in one transaction: their tickets, what became of each, and how far the operation is. Safe to
 * repeat: it goes on wherever the operation is. Its changes are logged under the caller, the RPC and the request id of the operation.
 */
export function makeTakeStep(kinds: readonly OperationKind[]): CommandKind<NextStep, typeof StringValueSchema> {
  const kindOf = ({ kind }: OperationRow): OperationKind => {
    const found = kinds.find(({ name }) => name === kind);
    if (!found) throw new Error(`nobody carries out operations of the kind ${kind}`);
    return found;
  };
  const traffic = new Traffic();
  return {
    name: 'ContinueOperation',
    answer: StringValueSchema,
    together: 1,
    // By itself: nobody's answer is to wait for a chunk that he has no part in.
    weight: () => BATCH_CAP,
    async pools(sql, inputs) {
      const pools = [];
      for (const { operationId, chunks } of inputs) {
        const operation = await findOperation(sql, operationId);
        const chunk = togetherOf(operation?.state === 'RUNNING' ? await readChunks(sql, operation, chunks) : []);
        pools.push(operation && chunk.ticketIds.length > 0 ? await kindOf(operation).pools(sql, operation, chunk) : []);
      }
      return pools;
    },
    async plan(unit, [command]) {
      if (!command) throw new Error('nothing to plan');
      const { operationId, runner, chunks } = command.input;
      const operation = await lockOperation(unit, operationId);
      if (operation?.state !== 'RUNNING') return answered('ended');
      if (!(await isRunnersTurn(unit, operationId, runner))) return answered('taken');
      return planStep(unit, command, operation, kindOf(operation), await readChunks(unit.sql, operation, chunks), traffic.look(operationId, unit));
    },
  };
}

const togetherOf = (chunks: readonly WaitingChunk[]): Pick<Chunk, 'ticketIds' | 'numbers'> => ({
  ticketIds: chunks.flatMap((chunk) => chunk.ticket_ids),
  numbers: chunks.map(({ chunk }) => chunk),
});

const answered = (value: StepOutcome, write: () => Promise<undefined> = async () => undefined): Plan<{ value: string }> => ({
  outcomes: [{ answer: { value } }],
  write,
});

async function planStep(
  unit: Unit,
  { input: { runner }, requestKey }: Command<NextStep>,
  operation: OperationRow,
  kind: OperationKind,
  chunks: readonly WaitingChunk[],
  traffic: StepOutcome,
): Promise<Plan<{ value: string }>> {
  const { operation_id: operationId } = operation;
  const attribute = (): void => unit.send(NAME_OPERATION, [requestKey, operationId, operation.request_id]);
  const chunk = togetherOf(chunks);
  let plan: ChunkPlan;
  try {
    plan = await kind.plan(unit, operation, { ...chunk, caller: await callerOf(unit.sql, operation, kind), requestKey });
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return answered('ended', async () => {
      attribute();
      await endOperation(unit, operationId, 'FAILED', error);
      return undefined;
    });
  }
  const doneBefore = [operation.changed_count, operation.unchanged_count, operation.failed_count].reduce((sum, count) => sum + Number(count), 0);
  const { length } = chunk.ticketIds;
  const isLast = length === 0 || doneBefore + length >= Number(operation.total_count);
  return answered(isLast ? 'ended' : traffic, async () => {
    attribute();
    await plan.write();
    storeResults(unit, operation, { chunks, results: plan.results, memory: plan.memory, runner });
    if (isLast) await endOperation(unit, operationId, 'SUCCEEDED');
    return undefined;
  });
}

/** The caller as he is now, as far as that is known: a service token can be revoked or replaced; what other tokens say holds for as long as the operation does. */
async function callerOf(sql: Sql, operation: OperationRow, kind: OperationKind): Promise<Caller> {
  const { actor, actor_kind: actorKind } = operation;
  const found = actorKind === 'SERVICE' ? await findRolesOfService(sql, actor) : undefined;
  const roles = new Set(found ?? operation.roles);
  if (!kind.roles.some((role) => roles.has(role))) throw new TokenInvalid(`${actor}, who began it, has no valid token any more that may do this`);
  return { actor, actorKind, roles, agentId: operation.caller_agent_id ?? undefined };
}

/** Operations whose last step is remembered at most. */
const OPERATIONS_REMEMBERED = 1000;

/** Sees by the sequences of pools whether others, in whatever process, took them since an operation's last step. */
class Traffic {
  readonly #left = new Map<string, Map<string, bigint>>();

  look(operationId: string, unit: Unit): StepOutcome {
    const left = this.#left.get(operationId) ?? new Map<string, bigint>();
    let outcome: StepOutcome = 'alone';
    for (const { poolId, sequence } of unit.pools.values()) {
      const before = left.get(poolId);
      if (before !== undefined && before + 1n !== BigInt(sequence)) outcome = 'shared';
      left.set(poolId, BigInt(sequence));
    }
    this.#left.set(operationId, left);
    const [oldest] = this.#left.keys();
    if (this.#left.size > OPERATIONS_REMEMBERED && oldest !== undefined) this.#left.delete(oldest);
    return outcome;
  }
}
