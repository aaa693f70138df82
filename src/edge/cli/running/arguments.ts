import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util';
import { type AnyCommand, argumentsOf, explanationOf, type NamedArgument } from './command.ts';
import { UsageWrong } from './failures.ts';
import { nearest } from './nearest.ts';

const isPositional = ({ type }: NamedArgument): boolean => type === 'positional';

/**
 * Refuses what citty would pass over: options that do not exist, values that are missing or too many, arguments that are left out or not
 * among the choices.
 * @throws UsageWrong
 */
export async function assertArguments(command: AnyCommand, rawArgs: readonly string[]): Promise<void> {
  const named = await argumentsOf(command);
  const options = named.filter((argument) => !isPositional(argument));
  const { values, positionals } = parseStrictly(options, rawArgs);
  for (const { name, type, required, options: choices } of options as (NamedArgument & { options?: string[] })[]) {
    const given = values[name];
    if (required === true && given === undefined) throw new UsageWrong(`--${name} is needed`);
    if (Array.isArray(given) && given.length > 1 && !explanationOf(command)?.repeatable?.includes(name))
      throw new UsageWrong(`--${name} is given twice; several values are separated by commas, where it takes them`);
    if (type !== 'enum' || given === undefined || !choices) continue;
    for (const value of given as string[]) if (!choices.includes(value)) throw new UsageWrong(`--${name} is one of ${choices.join(', ')}, not ${value}`);
  }
  const wanted = named.filter(isPositional);
  const missing = wanted.slice(positionals.length).find(({ required }) => required !== false);
  if (missing) throw new UsageWrong(`${missing.name.toUpperCase()} is missing: ${missing.description ?? ''}`);
  const extra = explanationOf(command)?.repeats ? undefined : positionals[wanted.length];
  if (extra !== undefined) throw new UsageWrong(`${JSON.stringify(extra)} is one argument too many; what has spaces needs quotation marks`);
}

function parseStrictly(named: readonly NamedArgument[], rawArgs: readonly string[]) {
  const options: Record<string, ParseArgsOptionDescriptor> = {};
  for (const { name, type, ...rest } of named) {
    const alias = 'alias' in rest && typeof rest.alias === 'string' && rest.alias.length === 1 ? { short: rest.alias } : {};
    options[name] = type === 'boolean' ? { type: 'boolean', ...alias } : { type: 'string', multiple: true, ...alias };
  }
  try {
    return parseArgs({ args: [...rawArgs], options, allowPositionals: true });
  } catch (error) {
    throw new UsageWrong(reworded(error as NodeJS.ErrnoException, Object.keys(options)));
  }
}

function reworded(error: NodeJS.ErrnoException, names: readonly string[]): string {
  const unknown = /^Unknown option '(-{1,2})([^']*)'/.exec(error.message);
  if (unknown) {
    const meant = nearest(unknown[2] ?? '', names);
    return `there is no option ${unknown[1]}${unknown[2]}${meant ? `; --${meant} is meant, perhaps` : ''}`;
  }
  return error.message.split('\n')[0]?.replace(/\.$/, '') ?? 'the options cannot be read';
}
