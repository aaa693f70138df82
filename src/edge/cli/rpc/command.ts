import { create, type DescField, type DescMessage, type DescMethodUnary, type MessageInitShape, type MessageShape, toJson } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type ArgsDef, defineCommand } from 'citty';
import { note, printResult } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import type { FindService } from '../reach.ts';
import { type Explanation, explained } from '../running/command.ts';
import { UsageWrong } from '../running/failures.ts';
import { type Format, outputArgs, printAnswer } from './answer.ts';
import { curlLine } from './curl.ts';
import { printList } from './list.ts';
import { callUnary, reachArgs, type Session, textOf, type Values, withSession } from './session.ts';

/** A command that is one call: how its request is made of the arguments, and how the answer is shown. */
export interface RpcCommand<Input extends DescMessage, Output extends DescMessage, Item> {
  readonly method: DescMethodUnary<Input, Output>;
  readonly description: string;
  readonly explanation: Explanation;
  readonly args: ArgsDef;
  request(values: Values, session: Session): MessageInitShape<Input> | Promise<MessageInitShape<Input>>;
  /** Of a list: what its table shows of each item. */
  readonly columns?: readonly Column<Item>[];
  /** Of a list without an item: what is worth telling, if anything is. */
  tellEmpty?(values: Values, session: Session): Promise<string | undefined>;
  /** Of any other: the answer for people; without it, every field on a line. */
  tell?(answer: MessageShape<Output>, values: Values): string;
}

/** The command as citty knows it: with the options that its request has, those for reaching the service, and those for the output. */
export function makeRpcCommand<Input extends DescMessage, Output extends DescMessage, Item>(find: FindService, command: RpcCommand<Input, Output, Item>) {
  const { method, description, explanation, args } = command;
  return explained(
    explanation,
    defineCommand({
      meta: { description },
      args: { ...args, ...requestArgs(method.input), ...outputArgs(command.columns !== undefined), ...reachArgs },
      run: ({ args: given }) => withSession(given as Values, find, (session) => carryOut(command, given as Values, session)),
    }),
  );
}

async function carryOut<Input extends DescMessage, Output extends DescMessage, Item>(
  command: RpcCommand<Input, Output, Item>,
  values: Values,
  session: Session,
): Promise<void> {
  const { method, columns, tell } = command;
  const request = create(method.input, await command.request(values, session));
  addRequestArgs(method.input, request, values);
  const format = (textOf(values, 'output') ?? 'table') as Format;
  if (columns) {
    const count = await printList({ method, request, columns, format, values, session });
    const told = count === 0 ? await command.tellEmpty?.(values, session) : undefined;
    if (told !== undefined) note(told);
    return;
  }
  if (values['curl'] === true) return printResult(`${curlLine(await session.curlTarget(), method, toJson(method.input, request))}\n`);
  const answer = await callUnary(session, method, request);
  await printAnswer(method.output, answer, format, tell && ((told) => tell(told, values)));
  if (values['validate-only'] === true) note('Only checked: nothing was changed.');
}

/** Fields that many requests have, and the options that fill them. */
const commonFields: Readonly<Record<string, ArgsDef[string] & { readonly option: string }>> = {
  reason: { option: 'reason', type: 'string', valueHint: 'text', description: 'Why; kept in the audit log' },
  request_id: { option: 'request-id', type: 'string', valueHint: 'UUID', description: 'The same change again: it takes effect once' },
  validate_only: { option: 'validate-only', type: 'boolean', description: 'Check everything, change nothing' },
  etag: { option: 'etag', type: 'string', valueHint: 'etag', description: 'Only if it is still at this version' },
  as_of: { option: 'as-of', type: 'string', valueHint: 'time', description: 'As it was then, such as 2026-11-17T09:00:00Z' },
};

/** The options for those of these fields that a request has. */
export function requestArgs(schema: DescMessage): ArgsDef {
  return Object.fromEntries(
    schema.fields.flatMap(({ name }) => {
      const common = commonFields[name];
      if (!common) return [];
      const { option, ...argument } = common;
      return [[option, argument]];
    }),
  ) as ArgsDef;
}

/** Puts their values into a request. @throws UsageWrong */
export function addRequestArgs<Schema extends DescMessage>(schema: Schema, request: MessageShape<Schema>, values: Values): void {
  const message = reflect(schema, request);
  for (const field of schema.fields) {
    const option = commonFields[field.name]?.option;
    const value = option === undefined ? undefined : values[option];
    if (option === undefined || value === undefined) continue;
    if (field.fieldKind === 'message') message.set(field, reflect(field.message, timeOf(option, String(value)) as never));
    else message.set(field as DescField & { fieldKind: 'scalar' }, value);
  }
}

/** An instant as people write it. @throws UsageWrong */
export function timeOf(option: string, text: string) {
  const date = new Date(text);
  // A time without a zone would mean another instant on every machine.
  if (Number.isNaN(date.getTime()) || !/(Z|[+-]\d\d:?\d\d)$/i.test(text))
    throw new UsageWrong(`--${option} must be a time with its zone, such as 2026-11-17T09:00:00Z or 2026-11-17T10:00:00+01:00, not ${text}`);
  return timestampFromDate(date);
}
