import type { ArgDef, CommandDef } from 'citty';

/** A command whatever its arguments are. */
// biome-ignore lint/suspicious/noExplicitAny: citty's own type for commands of different arguments in one list
export type AnyCommand = CommandDef<any>;

/** A command of the first level: what `docket --help` says about it, and how it is loaded once it is wanted. */
export interface Listed {
  /** The heading that it stands under. */
  readonly group: string;
  readonly description: string;
  load(): Promise<AnyCommand>;
}

/** The program. */
export interface Program {
  readonly description: string;
  readonly version: string;
  readonly commands: Readonly<Record<string, Listed>>;
}

/** What help says beyond the arguments. */
export interface Explanation {
  /** Lines to type, without `docket`; the first shows the usual case. */
  readonly examples: readonly string[];
  /** A paragraph or two for who wants to know more. */
  readonly more?: string;
  /** Whether the last positional argument may be repeated. */
  readonly repeats?: boolean;
  /** Options that may be given several times. */
  readonly repeatable?: readonly string[];
}

const explanations = new WeakMap<object, Explanation>();

/** The command with its explanation. */
export function explained<Command extends AnyCommand>(explanation: Explanation, command: Command): Command {
  explanations.set(command, explanation);
  return command;
}

/** What help says about a command beyond its arguments. */
export const explanationOf = (command: AnyCommand): Explanation | undefined => explanations.get(command);

/** An argument with its name. */
export type NamedArgument = ArgDef & { readonly name: string };

/** The arguments of a command, in order. */
export async function argumentsOf(command: AnyCommand): Promise<NamedArgument[]> {
  const defined = (typeof command.args === 'function' ? await command.args() : await command.args) as Record<string, ArgDef> | undefined;
  return Object.entries(defined ?? {}).map(([name, argument]) => ({ ...argument, name }));
}

/** The commands below a command, by name; none for one that is carried out itself. */
export async function subCommandsOf(command: AnyCommand): Promise<Map<string, AnyCommand>> {
  const defined = typeof command.subCommands === 'function' ? await command.subCommands() : await command.subCommands;
  const found = new Map<string, AnyCommand>();
  for (const [name, sub] of Object.entries(defined ?? {})) found.set(name, typeof sub === 'function' ? await sub() : await sub);
  return found;
}

/** The sentence that a command is listed with. */
export async function descriptionOf(command: AnyCommand): Promise<string> {
  const meta = typeof command.meta === 'function' ? await command.meta() : await command.meta;
  return meta?.description ?? '';
}
