import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COMMAND_LINE_FILE, commandLinePage } from '../../scripts/command-line.ts';
import { assertArguments } from '../../src/edge/cli/running/arguments.ts';
import { type AnyCommand, descriptionOf, explanationOf, subCommandsOf } from '../../src/edge/cli/running/command.ts';
import { EXIT } from '../../src/edge/cli/running/failures.ts';
import { programHelp } from '../../src/edge/cli/running/help.ts';
import { makeProgram } from '../../src/program.ts';

const program = makeProgram({});

async function leavesOf(path: string, command: AnyCommand): Promise<[string, AnyCommand][]> {
  const subs = await subCommandsOf(command);
  if (subs.size === 0) return [[path, command]];
  return (await Promise.all([...subs].map(([name, sub]) => leavesOf(`${path} ${name}`, sub)))).flat();
}

const leaves = (await Promise.all(Object.entries(program.commands).map(async ([name, listed]) => leavesOf(name, await listed.load())))).flat();

describe('the page about the command line', () => {
  it('has the commands of this release', async () => {
    expect(readFileSync(COMMAND_LINE_FILE, 'utf8') === (await commandLinePage()), 'run `npm run command-line`').toBe(true);
  });

  it('and help name every exit code', () => {
    const codes = Object.values(EXIT).map(String);
    expect([...programHelp(program).matchAll(/^ {2}(\d+) /gm)].map(([, code]) => code)).toEqual(codes);
    expect([...readFileSync(COMMAND_LINE_FILE, 'utf8').matchAll(/^\| (\d+) \|/gm)].map(([, code]) => code)).toEqual(codes);
  });
});

describe('every command', () => {
  it.each(leaves)('docket %s says what it does, with examples that can be written so', async (path, command) => {
    expect(await descriptionOf(command)).toMatch(/^[A-Z].*[^.]$/);
    const { examples } = explanationOf(command) ?? { examples: [] };
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      expect(example.startsWith(path)).toBe(true);
      await assertArguments(command, wordsOf(example.slice(path.length).replace(/ > [a-z.]+(json|pem)$/, '')));
    }
  });
});

/** As a shell would divide them. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) => single ?? double ?? plain ?? '');
