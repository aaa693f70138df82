import { resolve } from 'node:path';
import { defineCommand } from 'citty';
import { type Config, ConfigInvalid } from '../../../foundation/config/index.ts';
import { hasCluster } from '../../../foundation/database/embedded/index.ts';
import { jsonOf, yamlOf } from '../output/documents.ts';
import { printResult } from '../output/print.ts';
import { printableLines } from '../output/printable.ts';
import { explained } from '../running/command.ts';
import { EXIT } from '../running/failures.ts';
import { examineConnection, isServed } from './connection.ts';
import { examineDatabase } from './database.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';
import { examineAuditKey, examineTls, examineTokens } from './keys.ts';
import { examineDisk, examinePorts } from './machine.ts';

/** What the command needs of this machine. */
export interface DoctorCommandDeps {
  /** @throws ConfigInvalid */
  findConfig(): Promise<{ readonly config: Config; readonly unknown: readonly string[] }>;
  /** Where the database is; the embedded one is started, and made if there is none. */
  findDatabase(): Promise<{ readonly url: string; close(): Promise<void> }>;
}

/** `docket doctor`: exit code 1 when something is wrong; warnings do not count. */
export function makeDoctorCommand(deps: DoctorCommandDeps) {
  const command = defineCommand({
    meta: { description: 'Look for what is wrong with database, migrations, clock, zone, ports, disk and keys, and say what to do' },
    args: { output: { type: 'enum', alias: 'o', options: ['table', 'json', 'yaml'], description: 'For people (table, if absent), or for programs' } },
    async run({ args }) {
      const findings = await examine(deps);
      if (args.output === 'json') await printResult(`${jsonOf(findings)}\n`);
      else if (args.output === 'yaml') await printResult(yamlOf(findings));
      else await printResult(`${tell(findings)}\n`);
      process.exitCode = findings.some(({ state }) => state === 'wrong') ? EXIT.refused : EXIT.done;
    },
  });
  return explained(
    {
      examples: ['doctor', 'doctor -o json'],
      more: 'It is run where the service runs, with its environment. Nothing is changed; without DATABASE_URL the embedded PostgreSQL, if there is one, is started for as long as it takes.',
    },
    command,
  );
}

async function examine(deps: DoctorCommandDeps): Promise<Finding[]> {
  let config: Config;
  const findings: Finding[] = [];
  try {
    const found = await deps.findConfig();
    config = found.config;
    const misspelt = found.unknown.map((name) => warning('configuration', `${name} is not a setting of Docket`, 'docs/operations.md lists all settings'));
    findings.push(...(misspelt.length > 0 ? misspelt : [ok('configuration', 'every setting can be used')]));
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    return error.faults.map((fault) => wrong('configuration', fault, 'docs/operations.md lists all settings'));
  }
  const database = await databaseFindings(deps, config);
  findings.push(...database.findings);
  findings.push(...(await examinePorts(config, database.isServed)), await examineDisk(config));
  findings.push(...(await examineAuditKey(config)), ...(await examineTls(config)), ...(await examineTokens(config)));
  return findings;
}

/** What is to be said of a database, and whether anybody else is connected to it; undefined when that is not known. */
interface Examined {
  readonly findings: Finding[];
  readonly isServed: boolean | undefined;
}

async function databaseFindings({ findDatabase }: DoctorCommandDeps, { databaseUrl, dataDirectory }: Config): Promise<Examined> {
  // To look must not be to make one.
  if (databaseUrl === undefined && !(await hasCluster(resolve(dataDirectory)))) {
    const cure =
      'npm start (docket serve) makes one there; DOCKET_DATA_DIRECTORY names another folder (.docket/demo is that of the demo), DATABASE_URL a server';
    return { findings: [wrong('database', `there is none in ${resolve(dataDirectory)}, and DATABASE_URL is not set`, cure)], isServed: false };
  }
  let place: Awaited<ReturnType<DoctorCommandDeps['findDatabase']>>;
  try {
    place = await findDatabase();
  } catch (error) {
    const finding = wrong(
      'database',
      `the embedded PostgreSQL does not start: ${(error as Error).message}`,
      'see the log in the data directory, or set DATABASE_URL',
    );
    return { findings: [finding], isServed: undefined };
  }
  try {
    const { client, findings } = await examineConnection(place.url);
    if (!client) return { findings, isServed: undefined };
    try {
      return { findings: [...findings, ...(await examineDatabase(client))], isServed: await isServed(client) };
    } catch (error) {
      const finding = wrong('database', `it cannot be read: ${(error as Error).message}`, 'the user of DATABASE_URL must own the schema docket');
      return { findings: [...findings, finding], isServed: undefined };
    } finally {
      await client.end();
    }
  } finally {
    await place.close();
  }
}

const SIGNS = { ok: 'ok     ', warning: 'warning', wrong: 'WRONG  ' } as const;

function tell(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, state, message, cure }) => {
    const indent = ' '.repeat(SIGNS.ok.length + width + 4);
    return [`${SIGNS[state]}  ${check.padEnd(width)}  ${message}`, ...(cure ? [`${indent}→ ${cure}`] : [])];
  });
  const count = findings.filter(({ state }) => state === 'wrong').length;
  return printableLines([...lines, '', count === 0 ? 'Nothing is wrong.' : `${count} ${count === 1 ? 'thing is' : 'things are'} wrong.`].join('\n'));
}
