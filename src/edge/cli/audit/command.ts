import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { defineCommand } from 'citty';
import { AuditExportFormat } from '../../../../gen/ticketing/v1/audit_service_pb.ts';
import type { DocketClient } from '../../../client/index.ts';
import type { FindService } from '../reach.ts';
import { reachArgs, text, type Values, withSession } from '../rpc/session.ts';
import { explained } from '../running/command.ts';
import { EXIT, explainFailure, UsageWrong } from '../running/failures.ts';
import { dropMonth } from './drop-month.ts';
import { prove, verifyProof } from './proof.ts';
import { verify } from './verify.ts';

/** What the commands need of this machine. */
export interface AuditCommandDeps {
  findService: FindService;
  findDatabase(): Promise<{ readonly url: string; close(): Promise<void> }>;
  /** The public key of this machine's service, in PEM; undefined when it has none. */
  findPublicKey(): Promise<string | undefined>;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const note = (line: string): void => void process.stderr.write(`${line}\n`);

/** `docket audit …`: exit code 0 when all is well, 1 when something is wrong or was refused. */
export function makeAuditCommand(deps: AuditCommandDeps) {
  return defineCommand({
    meta: { name: 'audit', description: 'Verify, prove, export and shorten the audit log; see docs/audit-log.md' },
    subCommands: { ...commandsOfService(deps), ...commandsOfMachine(deps) },
  });
}

/** Those that ask a running service. */
function commandsOfService(deps: AuditCommandDeps) {
  const withClient = (args: object, work: (client: DocketClient) => Promise<number>): Promise<void> =>
    withSession(args as Values, deps.findService, async (session) => {
      process.exitCode = await work(await session.client());
    });
  return {
    verify: explained(
      { examples: ['audit verify', 'audit verify --checkpoints kept-elsewhere.ndjson'] },
      defineCommand({
        meta: { name: 'verify', description: 'Find whatever was changed, removed, inserted, exchanged or cut in the sealed log' },
        args: {
          start: text('First sequence', 'number'),
          end: text('Last sequence', 'number'),
          checkpoints: text('Checkpoints that were kept elsewhere', 'file'),
          ...reachArgs,
        },
        run: ({ args }) =>
          withClient(args, async (client) => {
            const range = { ...(args.start && { start: wholeNumber('start', args.start) }), ...(args.end && { end: wholeNumber('end', args.end) }) };
            const findings = await verify(client, { ...range, ...(args.checkpoints && { checkpoints: args.checkpoints }) }, { result: print, note });
            return findings === 0 ? 0 : 1;
          }),
      }),
    ),
    prove: explained(
      { examples: ['audit prove 1234 > proof.json'] },
      defineCommand({
        meta: { name: 'prove', description: 'Print the proof that an entry is part of a signed seal, as JSON' },
        args: { entry: { type: 'positional', required: true, description: 'The id of the entry' }, ...reachArgs },
        run: ({ args }) =>
          withClient(args, async (client) => {
            print(await prove(client, args.entry));
            return 0;
          }),
      }),
    ),
    export: explained(
      { examples: ['audit export --out log.ndjson', 'audit export --csv --after 5000'] },
      defineCommand({
        meta: { name: 'export', description: 'Write the sealed entries to a file or to standard output, in order' },
        args: {
          csv: { type: 'boolean', description: 'CSV instead of a JSON object on each line' },
          after: text('Only entries after this sequence', 'number'),
          out: text('Where to; standard output if absent. With --after it is added to', 'file'),
          ...reachArgs,
        },
        run: ({ args }) => withClient(args, (client) => exportLog(client, args)),
      }),
    ),
  };
}

/** Those that work on files and on the database of this machine: whatever goes wrong is told in a line. */
function commandsOfMachine(deps: AuditCommandDeps) {
  const alone = async (work: () => Promise<number>): Promise<void> => {
    process.exitCode = await work().catch((error: unknown) => {
      const { text: told, code } = explainFailure(error) ?? { text: `${error instanceof Error ? error.message : String(error)}.`, code: EXIT.refused };
      note(told);
      return code;
    });
  };
  return {
    'verify-proof': explained(
      { examples: ['audit verify-proof --entry entry.json --proof proof.json --key docket.pem'] },
      defineCommand({
        meta: { name: 'verify-proof', description: 'Verify a proof from files alone: no service, no database' },
        args: {
          entry: { ...text('A line of docket audit export', 'file'), required: true },
          proof: { ...text('What docket audit prove printed', 'file'), required: true },
          key: { ...text('The public key of the service, PEM', 'file'), required: true },
        },
        run: ({ args }) =>
          alone(async () => {
            const { fault, withheld } = await verifyProof(args);
            const gone = withheld.length > 0 ? ` Erased from it: ${withheld.join(', ')}.` : '';
            print(fault === undefined ? `The entry is what was sealed.${gone}` : `The proof does not hold: ${fault}.`);
            return fault === undefined ? 0 : 1;
          }),
      }),
    ),
    'public-key': explained(
      { examples: ['audit public-key > docket.pem'] },
      defineCommand({
        meta: { name: 'public-key', description: 'Print the public key that seals of this machine are verified with' },
        async run() {
          const key = await deps.findPublicKey();
          if (key) process.stdout.write(key);
          else note('Seals are not signed: there is no key. Set DOCKET_AUDIT_KEY_FILE.');
          process.exitCode = key ? 0 : 1;
        },
      }),
    ),
    'drop-month': explained(
      { examples: ['audit drop-month 2025-11 --reason "kept for a year"'] },
      defineCommand({
        meta: { name: 'drop-month', description: 'Drop a month of the log that is over and sealed; its seals stay' },
        args: {
          month: { type: 'positional', required: true, description: 'Such as 2025-11' },
          reason: { type: 'string', description: 'Why; kept in the audit log' },
        },
        run: ({ args }) =>
          alone(async () => {
            const place = await deps.findDatabase();
            try {
              print(await dropMonth(place.url, args.month, args.reason ?? ''));
              return 0;
            } finally {
              await place.close();
            }
          }),
      }),
    ),
  };
}

async function exportLog(
  client: DocketClient,
  args: { readonly csv?: boolean | undefined; readonly after?: string | undefined; readonly out?: string | undefined },
): Promise<number> {
  const after = args.after ? wholeNumber('after', args.after) : 0;
  const file = args.out === undefined ? process.stdout : createWriteStream(args.out, { flags: args.after ? 'a' : 'w', mode: 0o600 });
  const format = args.csv ? AuditExportFormat.CSV : AuditExportFormat.NDJSON;
  let reached = BigInt(after);
  try {
    for await (const { chunk, lastSequence } of client.audit.exportAuditLog({ format, afterSequence: reached }, { timeoutMs: 120_000 })) {
      if (!file.write(chunk)) await once(file, 'drain');
      reached = lastSequence > reached ? lastSequence : reached;
    }
  } catch (error) {
    if (reached > BigInt(after)) note(`Written up to sequence ${reached}; go on with --after ${reached}.`);
    throw error;
  } finally {
    if (file !== process.stdout) await new Promise<void>((resolve) => void file.end(resolve));
  }
  note(`Written up to sequence ${reached}.`);
  return 0;
}

function wholeNumber(name: string, value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new UsageWrong(`--${name} must be a whole number, not ${value}`);
  return Number(value);
}
