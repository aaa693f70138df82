import { defineCommand } from 'citty';
import { AvailabilitySchema } from '../../../../gen/ticketing/v1/agent_pb.ts';
import { PrioritySchema, TicketStatusSchema } from '../../../../gen/ticketing/v1/ticket_pb.ts';
import type { Config } from '../../../foundation/config/index.ts';
import { printResult } from '../output/print.ts';
import { profilesFileOf, readProfiles } from '../profiles/file.ts';
import { choicesOf } from '../rpc/choices.ts';
import { loadServices, shortName } from '../rpc/methods.ts';
import { explained, type Program } from '../running/command.ts';
import { COMPLETION_SCRIPTS } from './scripts.ts';
import { completionsOf, type KnownValues } from './words.ts';

const SHELLS = {
  bash: 'Print the script for bash',
  zsh: 'Print the script for zsh',
  fish: 'Print the script for fish',
} as const;

/** `docket completion bash|zsh|fish`, and what their scripts ask. */
export function makeCompletionCommand(program: () => Program, findConfig: () => Promise<Config>) {
  const known: KnownValues = {
    method: async () => (await loadServices()).flatMap((service) => service.methods).map(shortName),
    profile: async () => Object.keys((await readProfiles(profilesFileOf(await findConfig()))).profiles),
    status: async () => choicesOf(TicketStatusSchema),
    priority: async () => choicesOf(PrioritySchema),
    availability: async () => choicesOf(AvailabilitySchema),
  };
  const words = defineCommand({
    meta: { description: 'What could stand where the last word is begun; the scripts ask this' },
    args: { words: { type: 'positional', required: false, description: 'What follows docket, after --' } },
    async run({ args }) {
      const found = await completionsOf(program(), args._, known);
      await printResult(found.map((word) => `${word}\n`).join(''));
    },
  });
  const scripts = Object.entries(SHELLS).map(([shell, description]) => [
    shell,
    explained(
      { examples: [`completion ${shell}`], more: HOW[shell as keyof typeof HOW] },
      defineCommand({ meta: { description }, run: () => printResult(COMPLETION_SCRIPTS[shell as keyof typeof COMPLETION_SCRIPTS]) }),
    ),
  ]);
  return defineCommand({
    meta: { description: 'Let the shell complete commands, options and RPCs' },
    subCommands: { ...Object.fromEntries(scripts), words: explained({ examples: ['completion words -- tickets li'], repeats: true }, words) },
  });
}

const HOW = {
  bash: 'Put `source <(docket completion bash)` into ~/.bashrc. A command called docket must be in the path: bin/docket is one.',
  zsh: 'Put `source <(docket completion zsh)` into ~/.zshrc, after compinit. A command called docket must be in the path: bin/docket is one.',
  fish: 'Write it to ~/.config/fish/completions/docket.fish. A command called docket must be in the path: bin/docket is one.',
} as const;
