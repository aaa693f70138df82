import { create, type DescMessage, fromBinary, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import { findRequests, KEEP_ANSWER, NAME_REQUEST, type NewRequest, type RecordedRequest, recordRequests, requestName } from '../database/requests.ts';
import type { Sql } from '../database/sql.ts';
import { encodedOnce } from '../encoded.ts';
import { DomainError } from '../errors.ts';
import type { Command, Outcome, Plan, Unit } from './command.ts';

/** The same caller used this request id for something else. */
export class RequestIdReused extends DomainError {
  constructor(requestId: string) {
    super('already_exists', 'REQUEST_ID_REUSED', `request_id: ${requestId} was used by this caller for another request`, {
      facts: { request_id: requestId },
      violations: [{ field: 'request_id', description: 'was used by this caller for another request' }],
    });
  }
}

/** It was done before, and its answer held what was erased since. */
class AnswerErased extends DomainError {
  constructor(requestId: string) {
    super('failed_precondition', 'ANSWER_ERASED', `the request ${requestId} was carried out; its answer was erased since`, {
      facts: { request_id: requestId },
    });
  }
}

/** How a command of a batch ended; `again` when it repeats a neighbour whose answer must be on record first. */
export type Settled = Outcome<Message> | 'again';

/** A unit of work while it is being carried out. */
export type OpenUnit = Unit & { requestKey: string; openEntities(): Promise<void> };

/**
 * Carries out commands in their order, in one open transaction: repeats get the recorded answer,
 * neighbours of one kind are planned together, and each change is recorded as a request before the
 * first row of it is written. A domain error is an outcome; anything else that is thrown means that
 * the transaction must be rolled back.
 */
export async function carryOut(unit: OpenUnit, commands: readonly Command[], recorded: ReadonlyMap<string, RecordedRequest>): Promise<Settled[]> {
  const settled: (Settled | undefined)[] = answerRepeats(commands, recorded);
  let next = 0;
  while (next < commands.length) {
    const run = takeRun(commands, settled, next);
    if (run.length === 0) {
      next += 1;
      continue;
    }
    const outcomes = await carryOutRun(
      unit,
      run.map((index) => commands[index] as Command),
    );
    outcomes.forEach((outcome, at) => {
      settled[run[at] as number] = outcome;
    });
    next = (run[outcomes.length - 1] as number) + 1;
  }
  return settled as Settled[];
}

function answerRepeats(commands: readonly Command[], recorded: ReadonlyMap<string, RecordedRequest>): (Settled | undefined)[] {
  const seen = new Set<string>();
  return commands.map(({ origin, kind }) => {
    const { requestId, bodyHash } = origin.intent;
    if (requestId === undefined) return undefined;
    const name = requestName(origin.actor, requestId);
    const known = recorded.get(name);
    if (known) return repeat(kind.answer, known, requestId, bodyHash);
    if (seen.has(name)) return 'again';
    seen.add(name);
    return undefined;
  });
}

function repeat(answer: DescMessage, known: RecordedRequest, requestId: string, bodyHash: Uint8Array): Outcome<Message> {
  // The hash went with the answer: what was asked could be guessed by it.
  if (!known.answer) return { error: new AnswerErased(requestId) };
  return Buffer.compare(known.bodyHash, bodyHash) === 0 ? { answer: fromBinary(answer, known.answer) } : { error: new RequestIdReused(requestId) };
}

/**
 * What is on record for a command that failed. Its failure may come from the caller's own success under the
 * same request id: made by another lane or process a moment ago (the group is there already, the etag has
 * moved on), or long since, with the world changed so that it could not even be planned again.
 */
export async function answerOnRecord(sql: Sql, { origin, kind }: Command): Promise<Outcome<Message> | undefined> {
  const { requestId, bodyHash } = origin.intent;
  if (requestId === undefined) return undefined;
  const known = (await findRequests(sql, [origin])).get(requestName(origin.actor, requestId));
  return known && repeat(kind.answer, known, requestId, bodyHash);
}

/** Indexes of the unsettled commands from `start` on that share one way of planning, stopping at the first of another. */
function takeRun(commands: readonly Command[], settled: readonly (Settled | undefined)[], start: number): number[] {
  const run: number[] = [];
  for (let index = start; index < commands.length; index++) {
    const kind = (commands[index] as Command).kind;
    const first = commands[run[0] ?? index] as Command;
    if (kind.plan !== first.kind.plan || run.length >= kind.together) break;
    if (settled[index] === undefined) run.push(index);
    else if (run.length === 0) break;
  }
  return run;
}

/** Plans and writes neighbours; answers for as many of them, from the first on, as the plan took in. */
async function carryOutRun(unit: OpenUnit, commands: readonly Command[]): Promise<Settled[]> {
  const [{ kind }] = commands as [Command];
  if (kind.remembers) {
    unit.memory.open();
  } else {
    await unit.openEntities();
    // What it changes may be what is remembered, and numbers are to come after those that its triggers take.
    unit.memory.forget();
    unit.numbers.length = 0;
  }
  let plan: Plan<MessageInitShape<DescMessage>>;
  try {
    plan = await kind.plan(unit, commands);
  } catch (error) {
    // A verb that is planned alone may simply throw what is wrong.
    if (kind.together === 1 && error instanceof DomainError) return [{ error }];
    throw error;
  }
  const answer = (at: number, init: MessageInitShape<DescMessage>): Message => create((commands[at] as Command).kind.answer, init);
  const isLate = (at: number): boolean => !unit.dryRun && isLarge(commands[at] as Command);
  // What is missing here comes after writing.
  const answers = plan.outcomes.map((outcome, at) => ('error' in outcome || isLate(at) ? undefined : answer(at, outcome.answer)));
  const requests = plan.outcomes.flatMap((outcome, at) => ('error' in outcome ? [] : [newRequest(commands[at] as Command, answers[at])]));
  const settle = (): Settled[] =>
    plan.outcomes.map((outcome, at) => {
      if ('error' in outcome) return outcome;
      return { answer: answers[at] ?? amend(unit, commands[at] as Command, answer(at, outcome.answer)) };
    });
  if (unit.dryRun || requests.length === 0) return settle();
  recordRequests(unit.send, requests, unit.now);
  // Verbs planned together put the request into each row they write; the others are named once.
  const named = kind.together === 1 ? (commands[0] as Command).requestKey : '';
  if (unit.requestKey !== named) unit.send(NAME_REQUEST, [named]);
  unit.requestKey = named;
  const final = await plan.write();
  if (final) return final.map((init, at) => ({ answer: amend(unit, commands[at] as Command, answer(at, init)) }));
  // The database works on what is written while large answers are made.
  if (commands.some(isLarge)) await unit.sendNow();
  return settle();
}

/** Places of a batch from which on making a command's answer takes so long that the database is better not kept waiting for it. */
const LARGE = 64;
const isLarge = ({ kind, input }: Command): boolean => (kind.weight?.(input) ?? 1) >= LARGE;

/** Its answer, if it is made already, is kept for repeats. */
function newRequest({ requestKey, origin, kind }: Command, answer: Message | undefined): NewRequest {
  return { requestKey, origin, answer: answer && origin.intent.requestId !== undefined ? encodedOnce(kind.answer, answer) : undefined };
}

/** Puts the answer on record that was known or made only after writing. */
function amend(unit: Unit, { requestKey, origin, kind }: Command, answer: Message): Message {
  if (origin.intent.requestId !== undefined) unit.send(KEEP_ANSWER, [requestKey, encodedOnce(kind.answer, answer)]);
  return answer;
}
