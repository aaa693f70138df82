import { type DescField, type DescMessage, type DescMethodUnary, type Message, type MessageShape, toJson } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { jsonOf, yamlOf } from '../output/documents.ts';
import { note, printResult, terminalWidth } from '../output/print.ts';
import { type Column, Table } from '../output/table.ts';
import { UsageWrong } from '../running/failures.ts';
import { DEFAULT_LIMIT, type Format } from './answer.ts';
import { curlLine } from './curl.ts';
import { callUnary, type Session, textOf, type Values } from './session.ts';

/** The most that a page holds. */
const PAGE_SIZE = 1000;

interface List<Input extends DescMessage, Output extends DescMessage, Item> {
  readonly method: DescMethodUnary<Input, Output>;
  readonly request: MessageShape<Input>;
  readonly columns: readonly Column<Item>[];
  readonly format: Format;
  readonly values: Values;
  readonly session: Session;
}

/** Goes through the pages of a list, as many items as are wanted, and writes each page as it comes. Answers how many there were; undefined with `--curl`. */
export async function printList<Input extends DescMessage, Output extends DescMessage, Item>(list: List<Input, Output, Item>): Promise<number | undefined> {
  const { method, request, values, session } = list;
  const limit = limitOf(values);
  const fields = reflect(method.input, request);
  const set = (name: string, value: unknown): void => fields.set(fieldOf(method.input, name), value);
  set('page_size', Math.min(limit, PAGE_SIZE));
  if (values['curl'] === true) {
    await printResult(`${curlLine(await session.curlTarget(), method, toJson(method.input, request))}\n`);
    return undefined;
  }
  const writer = writerOf(list);
  let left = limit;
  for (;;) {
    const page = await callUnary(session, method, request);
    const answer = reflect(method.output, page);
    const items = [...(answer.get(itemsOf(method.output)) as unknown as Iterable<{ readonly message: Message }>)].slice(0, left).map(({ message }) => message);
    await writer.write(items);
    left -= items.length;
    const token = String(answer.get(fieldOf(method.output, 'next_page_token')));
    if (token === '') break;
    if (left === 0) {
      note(`The first ${limit}; there are more: --limit 0 shows all.`);
      break;
    }
    set('page_token', token);
    // The size belongs to no page but its own.
    set('page_size', Math.min(left, PAGE_SIZE));
  }
  await writer.end();
  return limit - left;
}

function limitOf(values: Values): number {
  const given = textOf(values, 'limit') ?? String(DEFAULT_LIMIT);
  if (!/^\d{1,9}$/.test(given)) throw new UsageWrong(`--limit must be a whole number, not ${given}`);
  return Number(given) === 0 ? Number.MAX_SAFE_INTEGER : Number(given);
}

interface Writer {
  write(items: readonly Message[]): Promise<void>;
  end(): Promise<void>;
}

function writerOf<Input extends DescMessage, Output extends DescMessage, Item>({ method, columns, format }: List<Input, Output, Item>): Writer {
  const { message: schema } = itemsOf(method.output);
  const done = async (): Promise<void> => undefined;
  if (format === 'ndjson') return { write: (items) => printResult(items.map((item) => `${jsonOf(toJson(schema, item), 0)}\n`).join('')), end: done };
  // A sequence of one item each is the same sequence.
  if (format === 'yaml') {
    let isEmpty = true;
    return {
      write: (items) => {
        if (items.length === 0) return done();
        isEmpty = false;
        return printResult(yamlOf(items.map((item) => toJson(schema, item))));
      },
      end: () => (isEmpty ? printResult('[]\n') : done()),
    };
  }
  if (format === 'json') {
    let before = '[';
    return {
      write: async (items) => {
        for (const item of items) {
          await printResult(`${before}\n${indented(jsonOf(toJson(schema, item)))}`);
          before = ',';
        }
      },
      end: () => printResult(before === '[' ? '[]\n' : '\n]\n'),
    };
  }
  const table = new Table(columns, terminalWidth());
  return {
    write: async (items) => {
      const lines = table.linesOf(items as unknown as readonly Item[]);
      if (lines.length > 0) await printResult(`${lines.join('\n')}\n`);
    },
    end: done,
  };
}

const indented = (json: string): string => json.replaceAll(/^/gm, '  ');

function fieldOf(schema: DescMessage, name: string): DescField & { fieldKind: 'scalar' } {
  const field = schema.fields.find((each) => each.name === name);
  if (field?.fieldKind !== 'scalar') throw new Error(`${schema.name} has no ${name}`);
  return field;
}

function itemsOf(schema: DescMessage): DescField & { fieldKind: 'list'; listKind: 'message' } {
  const field = schema.fields.find((each) => each.fieldKind === 'list' && each.listKind === 'message');
  if (field?.fieldKind !== 'list' || field.listKind !== 'message') throw new Error(`a page of ${schema.name} holds no items`);
  return field;
}
