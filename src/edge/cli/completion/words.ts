import { type AnyCommand, argumentsOf, type NamedArgument, type Program, subCommandsOf } from '../running/command.ts';

/** What an argument of this name may be, where its definition does not say. */
export type KnownValues = Readonly<Record<string, () => Promise<readonly string[]>>>;

/** What could stand where the last of these words is begun; nothing where a file or a free text belongs. The words follow `docket`. */
export async function completionsOf(program: Program, words: readonly string[], known: KnownValues): Promise<string[]> {
  const begun = words.at(-1) ?? '';
  const candidates = await candidatesFor(program, words.slice(0, -1), begun, known);
  return candidates.filter((candidate) => candidate.toLowerCase().startsWith(begun.toLowerCase()));
}

async function candidatesFor(program: Program, before: readonly string[], begun: string, known: KnownValues): Promise<string[]> {
  const [first, ...rest] = before;
  if (first === undefined) return [...Object.keys(program.commands), 'help', '--help', '--version'];
  if (first === 'help') return candidatesFor(program, rest, begun, known);
  let command: AnyCommand | undefined = Object.hasOwn(program.commands, first) ? await program.commands[first]?.load() : undefined;
  for (;;) {
    if (!command) return [];
    const subs = await subCommandsOf(command);
    if (subs.size === 0) return argumentsFor(command, rest, begun, known);
    const name = rest.shift();
    if (name === undefined) return [...subs.keys()];
    command = subs.get(name);
  }
}

async function argumentsFor(command: AnyCommand, before: readonly string[], begun: string, known: KnownValues): Promise<string[]> {
  const named = await argumentsOf(command);
  const options = named.filter(({ type }) => type !== 'positional');
  const last = before.at(-1) === '=' ? before.at(-2) : before.at(-1);
  const open = takesValue(options, last);
  if (open) return valuesOf(open, known);
  if (begun.startsWith('-')) return [...options.filter(({ name }) => !before.includes(`--${name}`)).map(({ name }) => `--${name}`), '--help'];
  const places = named.filter(({ type }) => type === 'positional');
  const given = before.filter((word, at) => !word.startsWith('-') && !takesValue(options, before[at - 1])).length;
  const place = places[given];
  return place ? valuesOf(place, known) : [];
}

/** The option that this word is, if its value follows. */
function takesValue(options: readonly NamedArgument[], word: string | undefined): NamedArgument | undefined {
  if (word === undefined || !word.startsWith('-') || word.includes('=')) return undefined;
  return options.find((option) => option.type !== 'boolean' && (word === `--${option.name}` || ('alias' in option && word === `-${String(option.alias)}`)));
}

async function valuesOf(argument: NamedArgument, known: KnownValues): Promise<string[]> {
  if ('options' in argument && argument.options) return [...argument.options];
  return [...((await known[argument.name]?.()) ?? [])];
}
