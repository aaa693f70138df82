import { toJsonString } from '@bufbuild/protobuf';
import { defineCommand } from 'citty';
import { SimulatePolicyResponseSchema } from '../../../../gen/ticketing/v1/assignment_service_pb.ts';
import type { DocketClient } from '../../../client/index.ts';
import { connect, type FindService, type Reachable } from '../reach.ts';
import { reachArgs, textOf, type Values } from '../rpc/session.ts';
import { explained } from '../running/command.ts';
import { tellExpected } from '../running/failures.ts';
import { readArguments } from './options.ts';
import { printOutcomes } from './print.ts';
import { rehearse } from './rehearse.ts';

/** Where a command writes: the result, and what it tells by the way. */
export interface Output {
  result(text: string): void;
  note(line: string): void;
}

/** Carries out `docket simulate`; answers the exit code: 0 when it was rehearsed, 1 when it could not be, 3 when the service was out of reach. */
export async function simulate(rawArgs: readonly string[], reachable: Reachable, output: Output): Promise<number> {
  let client: Promise<DocketClient> | undefined;
  try {
    const args = readArguments(rawArgs);
    const answer = await rehearse(args, () => (client ??= connect(args, reachable, output.note)), output.note);
    output.result(args.json ? toJsonString(SimulatePolicyResponseSchema, answer, { prettySpaces: 2, useProtoFieldName: true }) : printOutcomes(answer));
    return 0;
  } catch (error) {
    return tellExpected(error, output.note);
  } finally {
    (await client?.catch(() => undefined))?.close();
  }
}

/** `docket simulate …`, against a running service. */
export function makeSimulateCommand(reachable: FindService) {
  const text = (description: string, valueHint: string) => ({ type: 'string', valueHint, description }) as const;
  return explained(
    { examples: ['simulate --group KYC --days 30', 'simulate setup.json', 'simulate --log incidents.csv --mapping incidents.mapping.json'] },
    defineCommand({
      meta: { name: 'simulate', description: 'Rehearse assignment policies on history, on a log or on a pattern. Changes nothing; see docs/simulation.md' },
      args: {
        setup: { type: 'positional', required: false, description: 'A set-up in JSON, which says everything' },
        group: text('Play the history of these groups', 'key,…'),
        days: text('How many days of it; 7 if absent', 'number'),
        log: text('Play a log of tickets, CSV, gzipped or not', 'file'),
        mapping: text('What the columns of the log mean', 'file'),
        events: text('The events of a set-up that says that they come, as CSV', 'file'),
        try: text('Policies to try, such as FEWEST_OPEN or LEAST_ASSIGNED_TODAY+catch_up_limit=0; the usual ones if absent', 'policy,…'),
        handling: text('Let agents work through their desks, at so many minutes a ticket on average', 'minutes'),
        seed: text('Another number varies the times of handling otherwise', 'number'),
        'write-setup': text('Keep the set-up', 'file'),
        'write-events': text('Keep the events that the log came down to', 'file'),
        json: { type: 'boolean', description: 'Print the whole answer as JSON' },
        ...reachArgs,
      },
      async run({ rawArgs, args }) {
        process.exitCode = await simulate(rawArgs, await reachable(textOf(args as Values, 'profile')), {
          result: (result) => process.stdout.write(`${result}\n`),
          note: (line) => process.stderr.write(`${line}\n`),
        });
      },
    }),
  );
}
