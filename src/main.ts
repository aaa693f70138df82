#!/usr/bin/env node
import { join, resolve } from 'node:path';
import type { AnyEntity, EntityClass } from '@mikro-orm/postgresql';
import { defineCommand, runMain } from 'citty';
import { keepCompiledCode } from './foundation/compile-cache.ts';

// Before anything else is loaded: what a command needs is imported where it begins, and the parts of the others are not.
keepCompiledCode(join(import.meta.dirname, '../node_modules/.cache/docket'));

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
async function findService() {
  const { config } = await begin(true);
  const { caFile, clientCertFile, clientKeyFile, tlsCertFile: ownCertFile } = config;
  return {
    address: `${ownCertFile === undefined ? 'http' : 'https'}://127.0.0.1:${config.grpcPort}`,
    token: config.token,
    tokenFile: join(resolve(config.dataDirectory), 'administrator-token'),
    trust: { caFile, clientCertFile, clientKeyFile, ownCertFile },
  };
}

const serve = defineCommand({
  meta: { name: 'serve', description: 'Serve until stopped, with the embedded database or the one of DATABASE_URL' },
  async run() {
    const { config, log } = await begin(false);
    await (await import('./serve.ts')).serve(config, log);
  },
});

const migrate = defineCommand({
  meta: { name: 'migrate', description: 'Bring the database to the newest schema' },
  async run() {
    const { config, log } = await begin(true);
    const { prepareDatabase } = await import('./database.ts');
    const database = await prepareDatabase(config, log);
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

/** The public half of the key that this machine's service signs seals with. */
async function findPublicKey() {
  const { config } = await begin(true);
  const { findSigner } = await import('./edge/sealing/keys.ts');
  return (await findSigner(config))?.publicKey;
}

const docket = defineCommand({
  meta: { name: 'docket', description: 'Gives every ticket to the right agent, and can prove it' },
  subCommands: {
    serve,
    demo,
    migrate,
    import: async () => (await import('./edge/cli/import/command.ts')).makeImportCommand(findService),
    export: async () => (await import('./edge/cli/export/command.ts')).makeExportCommand(findService),
    simulate: async () => (await import('./edge/cli/simulate/command.ts')).makeSimulateCommand(findService),
    token,
    audit: async () => (await import('./edge/cli/audit/command.ts')).makeAuditCommand({ findService, findDatabase, findPublicKey }),
    'business-zone': businessZone,
    'check-invariants': async () => (await import('./edge/cli/check-invariants.ts')).makeCheckInvariantsCommand(findDatabase),
  },
});

await runMain(docket);
