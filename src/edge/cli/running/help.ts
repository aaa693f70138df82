import { type AnyCommand, argumentsOf, descriptionOf, explanationOf, type NamedArgument, type Program, subCommandsOf } from './command.ts';

/** Longest line of help. */
const WIDTH = 100;

/** What `docket --help` prints: the commands under their headings. */
export function programHelp({ description, commands }: Program): string {
  const groups = Map.groupBy(Object.entries(commands), ([, { group }]) => group);
  const lists = [...groups].map(([group, listed]) => `${group}\n${columns(listed.map(([name, command]) => [name, command.description]))}`);
  return [
    `docket: ${description}.`,
    'Usage: docket COMMAND …',
    ...lists,
    `Exit codes\n${columns([
      ['0', 'done, and nothing found wrong'],
      ['1', 'refused, or something found wrong'],
      ['2', 'the command line or the configuration cannot be meant'],
      ['3', 'no service or database within reach'],
      ['130', 'stopped by Ctrl-C'],
    ])}`,
    '`docket COMMAND --help` tells more, with examples.',
  ].join('\n\n');
}

/** What `--help` prints of one command. */
export async function commandHelp(path: readonly string[], command: AnyCommand): Promise<string> {
  const named = await argumentsOf(command);
  const subs = await subCommandsOf(command);
  const explanation = explanationOf(command);
  const positional = named.filter(({ type }) => type === 'positional');
  const options = named.filter(({ type }) => type !== 'positional');
  const usage = [
    ...path,
    ...(subs.size > 0 ? ['COMMAND …'] : []),
    ...positional.map((argument, at) => placeOf(argument, explanation?.repeats === true && at === positional.length - 1)),
    ...options.filter(({ required }) => required).map((option) => `--${option.name} ${hintOf(option)}`),
    ...(options.some(({ required }) => !required) ? ['[options]'] : []),
  ];
  const described: string[][] = [];
  for (const [name, sub] of subs) described.push([name, await descriptionOf(sub)]);
  return [
    `${await descriptionOf(command)}.`,
    `Usage: ${usage.join(' ')}`,
    ...(described.length > 0 ? [`Commands\n${columns(described)}`] : []),
    ...(positional.length > 0 ? [`Arguments\n${columns(positional.map((argument) => [argument.name.toUpperCase(), argument.description ?? '']))}`] : []),
    ...(options.length > 0 ? [`Options\n${columns(options.map((option) => [spellingOf(option), option.description ?? '']))}`] : []),
    ...(explanation ? [`Examples\n${explanation.examples.map((line) => `  docket ${line}`).join('\n')}`] : []),
    ...(explanation?.more ? [wrapped(explanation.more, 0)] : []),
    ...(described.length > 0 ? [`\`${path.join(' ')} COMMAND --help\` tells more, with examples.`] : []),
  ].join('\n\n');
}

function placeOf({ name, required }: NamedArgument, repeats: boolean): string {
  const place = `${name.toUpperCase()}${repeats ? ' …' : ''}`;
  return required === false ? `[${place}]` : place;
}

function hintOf(argument: NamedArgument): string {
  const choices = 'options' in argument ? argument.options : undefined;
  return choices?.join('|') ?? argument.valueHint ?? 'text';
}

function spellingOf(option: NamedArgument): string {
  const alias = 'alias' in option && typeof option.alias === 'string' ? `-${option.alias}, ` : '';
  return `${alias}--${option.name}${option.type === 'boolean' ? '' : ` ${hintOf(option)}`}`;
}

/** Names with what they mean; a name that is too long for its column has a line of its own. */
function columns(rows: readonly (readonly string[])[]): string {
  const widest = Math.min(28, Math.max(...rows.map(([name = '']) => name.length)));
  return rows
    .map(([name = '', meaning = '']) => {
      const text = wrapped(meaning, widest + 4);
      return name.length > widest ? `  ${name}\n${' '.repeat(widest + 4)}${text}` : `  ${name.padEnd(widest)}  ${text}`;
    })
    .join('\n');
}

/** A text in lines, all but the first set in. */
function wrapped(text: string, indent: number): string {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + 1 + word.length > WIDTH - indent) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}
