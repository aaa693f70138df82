import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import type { Sql } from '../database/sql.ts';
import type { CommandKind, Unit } from './command.ts';
import { PoolsMoved } from './unit-of-work.ts';

/** What one command will do. */
export interface LonePlan<Answer> {
  /** The answer, or what it will look like as far as that is known beforehand. */
  readonly answer: Answer;
  /** Writes it; answers the final outcome where that is known only afterwards. Absent when nothing changes. */
  readonly write?: () => Promise<Answer | undefined>;
}

/** A verb whose commands are planned one by one: a command that fails simply throws what is wrong. */
export interface LoneVerb<Input, Answer extends DescMessage> {
  readonly name: string;
  readonly answer: Answer;
  /** How many of a batch's places one command takes; 1 when absent. With `BATCH_CAP` it is carried out by itself. */
  weight?(input: Input): number;
  /** The pools that each input needs; absent for verbs that touch no assignment. */
  pools?(sql: Sql, inputs: readonly Input[]): Promise<readonly (readonly string[])[]>;
  plan(unit: Unit, input: Input): Promise<LonePlan<MessageInitShape<Answer>>>;
}

/** The command kind of a verb that is planned one by one. */
export function loneCommand<Input, Answer extends DescMessage>(verb: LoneVerb<Input, Answer>): CommandKind<Input, Answer> {
  return {
    name: verb.name,
    answer: verb.answer,
    together: 1,
    weight: (input) => verb.weight?.(input) ?? 1,
    pools: async (sql, inputs) => verb.pools?.(sql, inputs) ?? inputs.map(() => []),
    async plan(unit, [command]) {
      if (!command) throw new Error(`${verb.name} was planned without a command`);
      const { answer, write } = await verb.plan(unit, command.input);
      return {
        outcomes: [{ answer }],
        async write() {
          const final = await write?.();
          return final === undefined ? undefined : [final];
        },
      };
    },
  };
}

/**
 * Throws `PoolsMoved`, so that the command is looked up again and starts over, unless the unit holds
 * these pools: called after the rows are locked, since until then others could still join or merge.
 */
export function assertPoolsHeld(unit: Unit, poolIds: readonly string[]): void {
  if (!unit.dryRun && poolIds.some((poolId) => !unit.pools.has(poolId))) throw new PoolsMoved('a pool was joined after it was looked up');
}
