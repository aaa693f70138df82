import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import type { EntityManager } from '@mikro-orm/postgresql';
import { defineCommand } from 'citty';
import {
  type Author,
  createServiceToken,
  listServiceTokens,
  ROLES,
  revokeServiceToken,
  ServiceTokenAmbiguous,
  ServiceTokenNotFound,
} from '../../domain/access/index.ts';
import { DomainError } from '../../foundation/errors.ts';
import { spanSeconds } from './rpc/choices.ts';
import { explained } from './running/command.ts';
import { UsageWrong } from './running/failures.ts';

/** A database opened for one command. */
export interface CommandDatabase {
  readonly em: EntityManager;
  close(): Promise<void>;
}

/** What a token command answers: `output` is for the terminal, ready to print. */
export type TokenCommand = (em: EntityManager, rawArgs: readonly string[]) => Promise<string>;

/** `token create --name NAME --role ROLE … [--agent-id ID] [--expires-in 30d] [--reason TEXT]`: the one time that a token is shown. */
export const createToken: TokenCommand = async (em, rawArgs) => {
  const { values } = strictly(() =>
    parseArgs({
      args: [...rawArgs],
      options: {
        name: { type: 'string' },
        role: { type: 'string', multiple: true },
        'agent-id': { type: 'string' },
        'expires-in': { type: 'string' },
        reason: { type: 'string' },
      },
    }),
  );
  if (values.name === undefined) throw new UsageWrong('--name is needed');
  const made = await createServiceToken(em, commandAuthor('cli/token create', values.reason), {
    name: values.name,
    roles: (values.role ?? []).flatMap((names) => names.split(',')).map((name) => name.trim()),
    agentId: values['agent-id'],
    expiresInSeconds: values['expires-in'] === undefined ? undefined : spanSeconds('--expires-in', values['expires-in']),
  });
  return [
    `Token ${made.prefix} (${made.name}; ${made.roles.join(', ')}). It is shown this once and kept nowhere:`,
    '',
    made.token,
    '',
    `Send it as:  authorization: Bearer ${made.token}`,
    `Revoke it:   docket token revoke ${made.prefix}`,
  ].join('\n');
};

/** `token list`: every token there has been, newest first, without secrets. */
export const listTokens: TokenCommand = async (em, rawArgs) => {
  strictly(() => parseArgs({ args: [...rawArgs], options: {} }));
  const tokens = await listServiceTokens(em);
  if (tokens.length === 0) return 'There are no service tokens.';
  const rows = tokens.map((token) => [
    token.prefix,
    token.name,
    token.roles.join(','),
    token.agentId ?? '-',
    minuteOf(token.createTime),
    token.expireTime ? minuteOf(token.expireTime) : 'never',
    token.revokeTime ? `revoked ${minuteOf(token.revokeTime)}` : (token.state ?? ''),
  ]);
  return table([['PREFIX', 'NAME', 'ROLES', 'AGENT', 'CREATED', 'EXPIRES', 'STATE'], ...rows]);
};

/** `token revoke PREFIX-OR-NAME [--reason TEXT]`: refused everywhere within five seconds. */
export const revokeToken: TokenCommand = async (em, rawArgs) => {
  const { values, positionals } = strictly(() => parseArgs({ args: [...rawArgs], options: { reason: { type: 'string' } }, allowPositionals: true }));
  const [prefixOrName, ...others] = positionals;
  if (prefixOrName === undefined || others.length > 0) throw new UsageWrong('give one prefix or name, as `docket token list` shows them');
  const revoked = await revokeServiceToken(em, commandAuthor('cli/token revoke', values.reason), prefixOrName);
  return `Token ${revoked.prefix} (${revoked.name}) is revoked; within 5 seconds it is refused everywhere.`;
};

/** The `token` command with its three subcommands, over whatever database `open` opens. What cannot be done ends it with exit code 1 and one line. */
export function makeTokenCommand(open: () => Promise<CommandDatabase>) {
  const running = (command: TokenCommand) => async (context: { rawArgs: string[] }) => {
    const database = await open();
    try {
      process.stdout.write(`${await command(database.em, context.rawArgs)}\n`);
    } catch (error) {
      if (!isMistake(error)) throw error;
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
    } finally {
      await database.close();
    }
  };
  const reason = { type: 'string', valueHint: 'text', description: 'Why; kept in the audit log' } as const;
  const create = explained(
    { examples: ['token create --name intake --role service', 'token create --name desk --role agent --agent-id ada --expires-in 30d'], repeatable: ['role'] },
    defineCommand({
      meta: { name: 'create', description: 'Make a service token and show it once' },
      args: {
        name: { type: 'string', required: true, description: 'Who will use it: 1-64 letters, digits and ._@+-' },
        role: { type: 'string', required: true, valueHint: ROLES.join('|'), description: 'What it may do; repeat for several' },
        'agent-id': { type: 'string', description: 'The agent that its bearer is; needed for the role agent' },
        'expires-in': { type: 'string', valueHint: '30d', description: 'How long it works, as 90m, 12h, 30d or 52w; for ever if absent' },
        reason,
      },
      run: running(createToken),
    }),
  );
  const list = explained(
    { examples: ['token list'] },
    defineCommand({ meta: { name: 'list', description: 'Show all service tokens, without secrets' }, run: running(listTokens) }),
  );
  const revoke = explained(
    { examples: ['token revoke intake --reason "no longer used"'] },
    defineCommand({
      meta: { name: 'revoke', description: 'End a service token' },
      args: { token: { type: 'positional', required: true, description: 'Its prefix, or its name if no other live token has it' }, reason },
      run: running(revokeToken),
    }),
  );
  return defineCommand({ meta: { name: 'token', description: 'Make, list and revoke service tokens' }, subCommands: { create, list, revoke } });
}

/** A misspelt option must not be passed over: `--expire-in` would make a token that lives for ever. */
function strictly<Parsed>(parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (error) {
    throw new UsageWrong((error as Error).message);
  }
}

function isMistake(error: unknown): error is Error {
  return error instanceof DomainError || error instanceof ServiceTokenNotFound || error instanceof ServiceTokenAmbiguous;
}

function commandAuthor(rpc: string, reason: string | undefined): Author {
  return { actor: `cli:${operatingSystemUser()}`, actorKind: 'USER', rpc, reason: reason ?? '' };
}

/** In a container the user may have a number only. */
function operatingSystemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

function minuteOf(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')}Z`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
