#!/usr/bin/env node
import { join, resolve } from 'node:path';
import { defineCommand, runMain } from 'citty';
import { openDatabase, startApp } from './app.ts';
import { setBusinessZone, showBusinessZone } from './edge/cli/business-zone.ts';
import { makeCheckInvariantsCommand } from './edge/cli/check-invariants.ts';
import { makeDemoCommand } from './edge/cli/demo/command.ts';
import { makeImportCommand } from './edge/cli/import/command.ts';
import { curlLines, untilToldToStop } from './edge/cli/serve.ts';
import { makeTokenCommand } from './edge/cli/token.ts';
import { loadConfig, unknownSettings } from './foundation/config/index.ts';
import { startEmbeddedServer } from './foundation/database/embedded/index.ts';
import { adoptConsole, makeLog } from './foundation/log.ts';

/** The configuration of this process, and its log; a command other than `serve` keeps the log to warnings. */
function begin(quiet: boolean) {
  const config = loadConfig(process.env);
  const log = makeLog({ level: quiet && process.env['DOCKET_LOG_LEVEL'] === undefined ? 'warn' : config.logLevel });
  for (const name of unknownSettings(process.env)) log.warn(`${name} is not a setting of Docket`);
  return { config, log };
}

async function openForCommand() {
  const { config, log } = begin(true);
  const database = await openDatabase(config, log);
  return { em: database.orm.em.fork(), close: database.close };
}

/** Where the database is, without opening or migrating it. */
async function findDatabase() {
  const { config } = begin(true);
  if (config.databaseUrl !== undefined) return { url: config.databaseUrl, close: async () => undefined };
  return startEmbeddedServer({ dataDirectory: resolve(config.dataDirectory), log: () => undefined });
}

const serve = defineCommand({
  meta: { name: 'serve', description: 'Serve until stopped, with the embedded database or the one of DATABASE_URL' },
  async run() {
    const { config, log } = begin(false);
    adoptConsole(log);
    // Listened for from now on: told to stop while it starts, the service starts, and stops in order.
    const told = untilToldToStop();
    const app = await startApp(config, log);
    if (app.tokenIsNew && app.administratorToken) {
      process.stderr.write(
        `\nAn administrator token was made; it is kept in ${config.dataDirectory}/administrator-token. Try:\n\n${curlLines(app.server.connectPort, app.administratorToken).join('\n')}\n\n`,
      );
    }
    await told;
    await app.close();
  },
});

const migrateCommand = defineCommand({
  meta: { name: 'migrate', description: 'Bring the database to the newest schema' },
  async run() {
    const database = await openForCommand();
    await database.close();
    process.stdout.write('The database is at the newest schema.\n');
  },
});

const businessZone = defineCommand({
  meta: { name: 'business-zone', description: 'Show or set the time zone in which business days are counted' },
  args: {
    zone: { type: 'positional', required: false, description: 'An IANA name such as Europe/Lisbon; none shows the present one' },
    reason: { type: 'string', description: 'Why; kept in the audit log' },
  },
  async run({ args }) {
    const database = await openForCommand();
    try {
      process.stdout.write(`${args.zone ? await setBusinessZone(database.em, args.zone, args.reason) : await showBusinessZone(database.em)}\n`);
    } finally {
      await database.close();
    }
  },
});

/** How a command on this machine reaches the service. */
function findService() {
  const { config } = begin(true);
  return { address: `127.0.0.1:${config.grpcPort}`, token: config.token, tokenFile: join(resolve(config.dataDirectory), 'administrator-token') };
}

const docket = defineCommand({
  meta: { name: 'docket', description: 'Gives every ticket to the right agent, and can prove it' },
  subCommands: {
    serve,
    demo: makeDemoCommand(() => begin(true).config, startApp),
    migrate: migrateCommand,
    import: makeImportCommand(findService),
    token: makeTokenCommand(openForCommand),
    'business-zone': businessZone,
    'check-invariants': makeCheckInvariantsCommand(findDatabase),
  },
});

await runMain(docket);
