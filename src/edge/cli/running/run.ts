import { runCommand } from 'citty';
import { note, printResult } from '../output/print.ts';
import { assertArguments } from './arguments.ts';
import { type AnyCommand, type Program, subCommandsOf } from './command.ts';
import { EXIT, explainFailure, UsageWrong } from './failures.ts';
import { commandHelp, programHelp } from './help.ts';
import { nearest } from './nearest.ts';

const HELP = ['--help', '-h'];

/**
 * Carries out a command line and leaves the exit code in `process.exitCode`; see `EXIT`. Whoever reads the output may leave early (`| head`):
 * then the process ends in silence.
 */
export async function runProgram(program: Program, rawArgs: readonly string[]): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? EXIT.done);
  });
  try {
    await carryOut(program, rawArgs[0] === 'help' ? [...rawArgs.slice(1), '--help'] : rawArgs);
  } catch (error) {
    const explanation = explainFailure(error);
    if (explanation) note(explanation.text);
    else note(error instanceof Error ? (error.stack ?? error.message) : String(error));
    // Whatever is still open belongs to what failed.
    process.exit(explanation?.code ?? EXIT.refused);
  }
}

async function carryOut(program: Program, rawArgs: readonly string[]): Promise<void> {
  const [first] = rawArgs;
  if (first === '--version' || first === '-v') return printResult(`${program.version}\n`);
  if (first === undefined || HELP.includes(first)) return tell(programHelp(program), first !== undefined);
  const listed = Object.hasOwn(program.commands, first) ? program.commands[first] : undefined;
  if (!listed) throw new UsageWrong(unknown(['docket'], first, Object.keys(program.commands)));
  let command: AnyCommand = await listed.load();
  const path = ['docket', first];
  let rest = rawArgs.slice(1);
  for (;;) {
    const subs = await subCommandsOf(command);
    if (subs.size === 0) break;
    const name = rest.find((arg) => !HELP.includes(arg));
    if (name === undefined) return tell(await commandHelp(path, command), rest.length > 0);
    const sub = subs.get(name);
    if (!sub) throw new UsageWrong(unknown(path, name, [...subs.keys()]));
    rest = rest.toSpliced(rest.indexOf(name), 1);
    command = sub;
    path.push(name);
  }
  if (asksForHelp(rest)) return tell(await commandHelp(path, command), true);
  await assertArguments(command, rest).catch((error: unknown) => {
    throw error instanceof UsageWrong ? new UsageWrong(`${error.message}.\n\`${path.join(' ')} --help\` says what can be written`) : error;
  });
  await runCommand(command, { rawArgs: [...rest] });
}

/** Help that was asked for is a result; help for who asked for nothing is a hint. */
async function tell(help: string, asked: boolean): Promise<void> {
  if (asked) return printResult(`${help}\n`);
  note(help);
  process.exitCode = EXIT.usage;
}

function asksForHelp(rest: readonly string[]): boolean {
  const end = rest.indexOf('--');
  return rest.slice(0, end < 0 ? undefined : end).some((arg) => HELP.includes(arg));
}

function unknown(path: readonly string[], name: string, names: readonly string[]): string {
  if (name.startsWith('-')) return `${name} stands before the command; options follow it: ${path.join(' ')} COMMAND ${name}`;
  const meant = nearest(name, names);
  const hint = meant ? `${meant} is meant, perhaps` : `there are ${names.join(', ')}`;
  return `\`${path.join(' ')}\` has no command ${JSON.stringify(name)}; ${hint}`;
}
