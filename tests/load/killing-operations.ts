import { randomUUID } from 'node:crypto';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { type Operation, OperationState } from '../../gen/ticketing/v1/operation_pb.ts';
import { OperationService } from '../../gen/ticketing/v1/operation_service_pb.ts';
import { Priority } from '../../gen/ticketing/v1/ticket_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { checkDatabase, type Report } from '../../src/edge/cli/check-invariants.ts';
import { callGrpc } from '../support/edge/clients.ts';
import { type OwnPostgres, startPostgres } from '../support/fleet/postgres.ts';
import { makeToken } from '../support/fleet/process.ts';
import { Fleet } from './fleet.ts';

/** How much is changed, and how often its process is killed meanwhile. */
export interface KillOptions {
  readonly tickets: number;
  readonly kills: number;
  readonly processes: number;
  readonly log?: (line: string) => void;
}

/** What came of it. */
export interface KillReport {
  readonly operation: Operation | undefined;
  /** How many tickets were done when each kill came. */
  readonly doneAtKills: readonly number[];
  /** Seconds from each kill to the next step. */
  readonly pausesSeconds: readonly number[];
  /** Entries of the log under the operation's request id about tickets, and how many tickets they are about. */
  readonly entries: number;
  readonly changedTickets: number;
  /** Tickets that have the new value, and those that are at their second version. */
  readonly withNewValue: number;
  readonly atSecondVersion: number;
  readonly faults: readonly string[];
  readonly invariants: Report;
}

/** A bulk change of many tickets whose processes are killed on the way, again and again, until it has ended. Whatever was started is ended. */
export async function killOperation(options: KillOptions): Promise<KillReport> {
  const log = options.log ?? (() => undefined);
  const postgres = await startPostgres({ fast: true });
  const fleet = new Fleet(postgres.url);
  const endAll = (): void => fleet.killAll();
  process.once('exit', endAll);
  try {
    await fleet.start(options.processes);
    const token = await makeToken(postgres.url);
    const groupId = await makeTickets(fleet, token, options.tickets);
    log(`${options.tickets} tickets made`);
    const requestId = randomUUID();
    const request = { filter: `group_id == "${groupId}"`, patch: { priority: Priority.HIGH }, requestId, reason: 'killed again and again' };
    const { operationId } = await callGrpc(fleet.anyChannel(), TicketService.method.bulkUpdateTickets, request, { token, deadlineMs: 60_000 });
    const doneAtKills: number[] = [];
    const pausesSeconds: number[] = [];
    for (let kill = 1; kill <= options.kills; kill++) {
      const done = await untilDone(postgres, (doneAtKills.at(-1) ?? 0) + (options.tickets * 0.8) / options.kills / 2);
      const startMs = performance.now();
      doneAtKills.push(done);
      // All of them: whichever carries it on is among them.
      for (let at = 0; at < options.processes; at++) await fleet.killOne();
      const left = await readDone(postgres);
      await untilDone(postgres, left + 1);
      pausesSeconds.push((performance.now() - startMs) / 1000);
      log(`killed at ${done}, found at ${left}, went on after ${pausesSeconds.at(-1)?.toFixed(1)} s`);
    }
    const operation = await untilEnded(fleet, token, operationId);
    await fleet.stop();
    return {
      operation,
      doneAtKills,
      pausesSeconds,
      ...(await count(postgres, requestId)),
      faults: fleet.faults,
      invariants: await checkDatabase(postgres.url),
    };
  } finally {
    endAll();
    process.removeListener('exit', endAll);
    await postgres.remove();
  }
}

async function makeTickets(fleet: Fleet, token: string, tickets: number): Promise<string> {
  const { group } = await callGrpc(fleet.anyChannel(), GroupService.method.createGroup, { group: { key: 'KILLED' } }, { token });
  const groupId = group?.groupId ?? '';
  for (let left = tickets; left > 0; left -= 1000) {
    const requests = Array.from({ length: Math.min(left, 1000) }, (_, at) => ({ groupId, userId: BigInt(at + 1) }));
    await callGrpc(fleet.anyChannel(), TicketService.method.batchCreateTickets, { requests }, { token, deadlineMs: 60_000 });
  }
  return groupId;
}

async function readDone(postgres: OwnPostgres): Promise<number> {
  const [row] = await postgres.sql<{ done: string }>('SELECT changed_count + unchanged_count + failed_count AS done FROM docket.operation_progress');
  return Number(row?.done);
}

/** Resolves once so many tickets are done. */
async function untilDone(postgres: OwnPostgres, least: number): Promise<number> {
  for (;;) {
    const done = await readDone(postgres);
    if (done >= least) return done;
  }
}

async function untilEnded(fleet: Fleet, token: string, operationId: string): Promise<Operation | undefined> {
  for (;;) {
    const { operation } = await callGrpc(fleet.anyChannel(), OperationService.method.waitOperation, { operationId }, { token, deadlineMs: 60_000 });
    if (operation?.state !== OperationState.RUNNING && operation?.state !== OperationState.PAUSED) return operation;
  }
}

async function count(postgres: OwnPostgres, requestId: string): Promise<Pick<KillReport, 'entries' | 'changedTickets' | 'withNewValue' | 'atSecondVersion'>> {
  const [row] = await postgres.sql<{ entries: number; changed: number; valued: number; second: number }>(
    `SELECT (SELECT count(*)::int FROM docket.audit_entries WHERE entity_type = 'ticket' AND request_id = $1) AS entries,
       (SELECT count(DISTINCT entity_id)::int FROM docket.audit_entries WHERE entity_type = 'ticket' AND request_id = $1) AS changed,
       (SELECT count(*)::int FROM docket.tickets WHERE priority = 3) AS valued, (SELECT count(*)::int FROM docket.tickets WHERE version = 2) AS second`,
    [requestId],
  );
  return { entries: row?.entries ?? 0, changedTickets: row?.changed ?? 0, withNewValue: row?.valued ?? 0, atSecondVersion: row?.second ?? 0 };
}
