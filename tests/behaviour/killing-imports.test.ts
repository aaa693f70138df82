import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { OperationState } from '../../gen/ticketing/v1/operation_pb.ts';
import { OperationService } from '../../gen/ticketing/v1/operation_service_pb.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import { Fleet } from '../load/fleet.ts';
import { callGrpc } from '../support/edge/clients.ts';
import { startPostgres } from '../support/fleet/postgres.ts';
import { makeToken } from '../support/fleet/process.ts';
import { importMessages, PLAIN, sendImport, sheet } from '../support/imports.ts';

it('an import goes on wherever its process is killed: each row is dealt with once, in the order of the file', async () => {
  const rows = 4_000;
  const postgres = await startPostgres({ fast: true });
  const fleet = new Fleet(postgres.url);
  try {
    await fleet.start(1);
    const token = await makeToken(postgres.url);
    await callGrpc(fleet.anyChannel(), GroupService.method.createGroup, { group: { key: 'KILLED' } }, { token });
    const file = sheet(...Array.from({ length: rows }, (_, at) => `${at % 10 === 9 ? 'x' : at + 1},KILLED,${at}`));
    const requestId = randomUUID();
    const messages = () => importMessages({ source: 'killed', mapping: PLAIN }, file, { requestId });
    const { operationId } = await sendImport({ channel: fleet.anyChannel() }, messages(), token);
    const done = async (): Promise<number> => {
      const [row] = await postgres.sql<{ done: string }>('SELECT changed_count + unchanged_count + failed_count AS done FROM docket.operation_progress');
      return Number(row?.done);
    };
    for (const least of [1, 1_500]) {
      while ((await done()) < least);
      await fleet.killOne();
      expect(await done()).toBeLessThan(rows);
    }
    // Asked again by a caller who did not hear the answer.
    expect((await sendImport({ channel: fleet.anyChannel() }, messages(), token)).operationId).toBe(operationId);
    let state: OperationState | undefined = OperationState.RUNNING;
    while (state === OperationState.RUNNING || state === OperationState.PAUSED) {
      const { operation } = await callGrpc(fleet.anyChannel(), OperationService.method.waitOperation, { operationId }, { token, deadlineMs: 60_000 });
      state = operation?.state;
      if (state === OperationState.SUCCEEDED) expect(operation).toMatchObject({ totalCount: 4_000n, changedCount: 3_600n, failedCount: 400n });
    }
    expect(state).toBe(OperationState.SUCCEEDED);
    const tickets = await postgres.sql<{ title: string }>(`SELECT title FROM docket.tickets ORDER BY substring(key from '[0-9]+$')::int`);
    expect(tickets.map(({ title }) => Number(title))).toEqual(Array.from({ length: rows }, (_, at) => at).filter((at) => at % 10 !== 9));
    const [entries] = await postgres.sql(`SELECT count(*)::int AS count FROM docket.audit_entries WHERE entity_type = 'ticket' AND request_id = $1`, [
      requestId,
    ]);
    expect(entries).toEqual({ count: 3_600 });
    await fleet.stop();
    expect(fleet.faults).toEqual([]);
    const { findings } = await checkDatabase(postgres.url);
    expect(findings.filter(({ violations }) => violations > 0)).toEqual([]);
  } finally {
    fleet.killAll();
    await postgres.remove();
  }
}, 180_000);
