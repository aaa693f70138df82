import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnyCommand, descriptionOf, explanationOf, subCommandsOf } from '../src/edge/cli/running/command.ts';
import { programHelp } from '../src/edge/cli/running/help.ts';
import { makeProgram } from '../src/program.ts';

/** Where the page about the command line is. */
export const COMMAND_LINE_FILE = join(import.meta.dirname, '../docs/command-line.md');

/** Everything below this line is written from the commands' own help. */
const MARK = '<!-- From here on: `npm run command-line`. -->';

/** The page with the help of this release below what people wrote. */
export async function commandLinePage(): Promise<string> {
  const [written = ''] = readFileSync(COMMAND_LINE_FILE, 'utf8').split(MARK);
  const program = makeProgram({});
  const parts = [`${written}${MARK}\n## Every command\n`, `\`\`\`text\n${programHelp(program)}\n\`\`\`\n`];
  for (const [name, listed] of Object.entries(program.commands)) parts.push(block((await linesOf(['docket', name], await listed.load())).join('\n')));
  return parts.join('\n');
}

/** What a command and those below it do, each with its examples. */
async function linesOf(path: readonly string[], command: AnyCommand): Promise<string[]> {
  const subs = await subCommandsOf(command);
  const own = [`# ${path.slice(1).join(' ')}: ${await descriptionOf(command)}`, ...(explanationOf(command)?.examples ?? []).map((line) => `docket ${line}`)];
  const lines = subs.size > 0 ? [] : own;
  for (const [name, sub] of subs) lines.push(...(await linesOf([...path, name], sub)));
  return lines;
}

const block = (text: string): string => `\`\`\`sh\n${text}\n\`\`\`\n`;

if (import.meta.main) writeFileSync(COMMAND_LINE_FILE, await commandLinePage());
