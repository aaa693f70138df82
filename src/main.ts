#!/usr/bin/env node
import { join } from 'node:path';
import type { AnyEntity, EntityClass } from '@mikro-orm/postgresql';
import { defineCommand } from 'citty';
import manifest from '../package.json' with { type: 'json' };
import type { Listed, Program } from './edge/cli/running/command.ts';
import { keepCompiledCode } from './foundation/compile-cache.ts';

// Before anything else is loaded: what a command needs is imported where it begins, and the parts of the others are not.
keepCompiledCode(join(import.meta.dirname, '../node_modules/.cache/docket'));

const { runProgram } = await import('./edge/cli/running/run.ts');

/** The configuration of this process, and its log; a command other than `serve` keeps the log to warnings. */
async function begin(quiet: boolean) {
  const { loadConfig, unknownSettings } = await import('./foundation/config/index.ts');
  const { makeLog } = await import('./foundation/log.ts');
  const config = loadConfig(process.env);
  const level = quiet && process.env['DOCKET_LOG_LEVEL'] === undefined ? 'warn' : config.logLevel;
  const log = makeLog({ level });
  for (const name of unknownSettings(process.env)) log.warn(`${name} is not a setting of Docket`);
  return { config, log };
}

/** The database at the newest schema, for a command that works on these entities. */
async function openForCommand(entities: readonly EntityClass<AnyEntity>[]) {
  const { config, log } = await begin(true);
  const { openDatabase, prepareDatabase } = await import('./database.ts');
  const database = await openDatabase(config, log, await prepareDatabase(config, log), entities);
  return { em: database.orm.em.fork(), close: database.close };
}

/** Where the database is, without opening or migrating it. */
async function findDatabase() {
  const { config, log } = await begin(true);
  return (await import('./database.ts')).findDatabase(config, log);
}

/** How a command on this machine reaches the service. */
async function findService(profile?: string) {
  const { config } = await begin(true);
  return (await import('./edge/cli/profiles/reachable.ts')).findReachable(config, profile);
}

const serve = defineCommand({
  meta: { name: 'serve', description: 'Serve until stopped, with the embedded database or the one of DATABASE_URL' },
  async run() {
    const { config, log } = await begin(false);
    await (await import('./serve.ts')).serve(config, log);
  },
});

async function migrateDatabase(url: string) {
  const { migrate } = await import('./foundation/database/migrate.ts');
  return (await migrate({ url })).applied;
}

const businessZone = defineCommand({
  meta: { name: 'business-zone', description: 'Show or set the time zone in which business days are counted' },
  args: {
    zone: { type: 'positional', required: false, description: 'An IANA name such as Europe/Lisbon; none shows the present one' },
    reason: { type: 'string', description: 'Why; kept in the audit log' },
  },
  async run({ args }) {
    const { setBusinessZone, showBusinessZone } = await import('./edge/cli/business-zone.ts');
    const database = await openForCommand([]);
    try {
      process.stdout.write(`${args.zone ? await setBusinessZone(database.em, args.zone, args.reason) : await showBusinessZone(database.em)}\n`);
    } finally {
      await database.close();
    }
  },
});

async function demo() {
  const { makeDemoCommand } = await import('./edge/cli/demo/command.ts');
  return makeDemoCommand(
    async () => (await begin(true)).config,
    async (config, log) => (await import('./app.ts')).startApp(config, log),
  );
}

async function token() {
  const { makeTokenCommand } = await import('./edge/cli/token.ts');
  return makeTokenCommand(async () => openForCommand([(await import('./domain/access/index.ts')).ServiceToken]));
}

/** The configuration, and variables that look like settings. */
async function findConfig() {
  const { loadConfig, unknownSettings } = await import('./foundation/config/index.ts');
  return { config: loadConfig(process.env), unknown: unknownSettings(process.env) };
}

/** The public half of the key that this machine's service signs seals with. */
async function findPublicKey() {
  const { config } = await begin(true);
  const { findSigner } = await import('./edge/sealing/keys.ts');
  return (await findSigner(config))?.publicKey;
}

/** Every command, in the order of `docket --help`. What one needs is loaded when it is wanted. */
const commands: Record<string, Listed> = {
  tickets: {
    group: 'Work with a service',
    description: 'Find tickets, see who has them and why; change them, hand them over',
    load: async () => (await import('./edge/cli/tickets/command.ts')).makeTicketsCommand(findService),
  },
  agents: {
    group: 'Work with a service',
    description: 'See who works, and how much; send agents away and take them back',
    load: async () => (await import('./edge/cli/agents/command.ts')).makeAgentsCommand(findService),
  },
  groups: {
    group: 'Work with a service',
    description: 'See groups and who works in them; make groups, add and remove members',
    load: async () => (await import('./edge/cli/groups/command.ts')).makeGroupsCommand(findService),
  },
  call: {
    group: 'Work with a service',
    description: 'Call any RPC, with JSON in and out',
    load: async () => (await import('./edge/cli/rpc/call.ts')).makeCallCommand(findService),
  },
  import: {
    group: 'Work with a service',
    description: 'Create tickets from a CSV file',
    load: async () => (await import('./edge/cli/import/command.ts')).makeImportCommand(findService),
  },
  simulate: {
    group: 'Work with a service',
    description: 'Rehearse assignment policies before they are changed',
    load: async () => (await import('./edge/cli/simulate/command.ts')).makeSimulateCommand(findService),
  },
  audit: {
    group: 'Work with a service',
    description: 'Verify, prove, export and shorten the audit log',
    load: async () => (await import('./edge/cli/audit/command.ts')).makeAuditCommand({ findService, findDatabase, findPublicKey }),
  },
  serve: { group: 'Run a service', description: 'Serve until stopped', load: async () => serve },
  demo: { group: 'Run a service', description: 'Serve with a few hundred real incidents, and show what happens to them', load: demo },
  migrate: {
    group: 'Run a service',
    description: 'Bring the database to the newest schema, or show what that would do',
    load: async () => (await import('./edge/cli/migrate.ts')).makeMigrateCommand({ findDatabase, migrateDatabase }),
  },
  doctor: {
    group: 'Run a service',
    description: 'Look for what is wrong, and say what to do',
    load: async () => (await import('./edge/cli/doctor/command.ts')).makeDoctorCommand({ findConfig, findDatabase }),
  },
  token: { group: 'Run a service', description: 'Make, list and revoke service tokens', load: token },
  'business-zone': { group: 'Run a service', description: 'Show or set the time zone in which business days are counted', load: async () => businessZone },
  'check-invariants': {
    group: 'Run a service',
    description: 'Check every invariant of a database by replaying its whole history',
    load: async () => (await import('./edge/cli/check-invariants.ts')).makeCheckInvariantsCommand(findDatabase),
  },
  profile: {
    group: 'This program',
    description: 'Keep the services that you work with, by name',
    load: async () => (await import('./edge/cli/profiles/command.ts')).makeProfileCommand(async () => (await begin(true)).config),
  },
  completion: {
    group: 'This program',
    description: 'Let the shell complete commands, options and RPCs',
    load: async () =>
      (await import('./edge/cli/completion/command.ts')).makeCompletionCommand(
        () => program,
        async () => (await begin(true)).config,
      ),
  },
};

const program: Program = { description: 'gives every ticket to the right agent, and can prove it', version: manifest.version, commands };

await runProgram(program, process.argv.slice(2));
