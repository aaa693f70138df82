import { defineCommand } from 'citty';
import manifest from '../package.json' with { type: 'json' };
import { explained, type Listed, type Program } from './edge/cli/running/command.ts';
import { type Machine, machineOf } from './machine.ts';

type Commands = Record<string, Listed>;

/** The command line: every command, in the order of `docket --help`. What one needs is loaded when it is wanted. */
export function makeProgram(environment: Readonly<Record<string, string | undefined>>): Program {
  const machine = machineOf(environment);
  const program: Program = {
    description: 'gives every ticket to the right agent, and can prove it',
    version: manifest.version,
    commands: { ...commandsForCallers(machine), ...commandsForOperators(machine), ...commandsForUsers(machine, () => program) },
  };
  return program;
}

function commandsForCallers({ findService, findDatabase, findPublicKey }: Machine): Commands {
  const group = 'Work with a service';
  return {
    tickets: {
      group,
      description: 'Find tickets, see who has them and why; change them, hand them over',
      load: async () => (await import('./edge/cli/tickets/command.ts')).makeTicketsCommand(findService),
    },
    agents: {
      group,
      description: 'See who works, and how much; send agents away and take them back',
      load: async () => (await import('./edge/cli/agents/command.ts')).makeAgentsCommand(findService),
    },
    groups: {
      group,
      description: 'See groups and who works in them; make and change groups, add and remove members',
      load: async () => (await import('./edge/cli/groups/command.ts')).makeGroupsCommand(findService),
    },
    call: {
      group,
      description: 'Call any RPC, with JSON in and out',
      load: async () => (await import('./edge/cli/rpc/call.ts')).makeCallCommand(findService),
    },
    import: {
      group,
      description: 'Create tickets from a CSV file or a workbook',
      load: async () => (await import('./edge/cli/import/command.ts')).makeImportCommand(findService),
    },
    export: {
      group,
      description: 'Write a list to a CSV file, a workbook or NDJSON',
      load: async () => (await import('./edge/cli/export/command.ts')).makeExportCommand(findService),
    },
    simulate: {
      group,
      description: 'Rehearse assignment policies before they are changed',
      load: async () => (await import('./edge/cli/simulate/command.ts')).makeSimulateCommand(findService),
    },
    audit: {
      group,
      description: 'Verify, prove, export and shorten the audit log',
      load: async () => (await import('./edge/cli/audit/command.ts')).makeAuditCommand({ findService, findDatabase, findPublicKey }),
    },
  };
}

function commandsForOperators(machine: Machine): Commands {
  const group = 'Run a service';
  return {
    serve: { group, description: 'Serve until stopped', load: async () => serveCommand(machine) },
    demo: { group, description: 'Serve with a few hundred real incidents, and show what happens to them', load: () => demoCommand(machine) },
    migrate: {
      group,
      description: 'Bring the database to the newest schema, or show what that would do',
      load: async () => (await import('./edge/cli/migrate.ts')).makeMigrateCommand({ ...machine, migrateDatabase }),
    },
    doctor: {
      group,
      description: 'Look for what is wrong, and say what to do',
      load: async () => (await import('./edge/cli/doctor/command.ts')).makeDoctorCommand(machine),
    },
    token: { group, description: 'Make, list and revoke service tokens', load: () => tokenCommand(machine) },
    'business-zone': { group, description: 'Show or set the time zone in which business days are counted', load: async () => businessZoneCommand(machine) },
    'check-invariants': {
      group,
      description: 'Check every invariant of a database by replaying its whole history',
      load: async () => (await import('./edge/cli/check-invariants.ts')).makeCheckInvariantsCommand(machine.findDatabase),
    },
  };
}

function commandsForUsers({ begin }: Machine, program: () => Program): Commands {
  const group = 'This program';
  return {
    profile: {
      group,
      description: 'Keep the services that you work with, by name',
      load: async () => (await import('./edge/cli/profiles/command.ts')).makeProfileCommand(async () => (await begin(true)).config),
    },
    completion: {
      group,
      description: 'Let the shell complete commands, options and RPCs',
      load: async () => (await import('./edge/cli/completion/command.ts')).makeCompletionCommand(program, async () => (await begin(true)).config),
    },
  };
}

const serveCommand = ({ begin }: Machine) =>
  explained(
    { examples: ['serve'] },
    defineCommand({
      meta: { name: 'serve', description: 'Serve until stopped, with the embedded database or the one of DATABASE_URL' },
      async run() {
        const { config, log } = await begin(false);
        await (await import('./serve.ts')).serve(config, log);
      },
    }),
  );

async function migrateDatabase(url: string) {
  const { migrate } = await import('./foundation/database/migrate.ts');
  return (await migrate({ url })).applied;
}

const businessZoneCommand = ({ openForCommand }: Machine) =>
  explained(
    { examples: ['business-zone', 'business-zone Europe/Lisbon --reason "we moved"'] },
    defineCommand({
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
    }),
  );

async function demoCommand({ begin }: Machine) {
  const { makeDemoCommand } = await import('./edge/cli/demo/command.ts');
  return makeDemoCommand(
    async () => (await begin(true)).config,
    async (config, log) => (await import('./app.ts')).startApp(config, log),
  );
}

async function tokenCommand({ openForCommand }: Machine) {
  const { makeTokenCommand } = await import('./edge/cli/token.ts');
  return makeTokenCommand(async () => openForCommand([(await import('./domain/access/index.ts')).ServiceToken]));
}
