import { expect, it } from 'vitest';
import { OperationState } from '../../gen/ticketing/v1/operation_pb.ts';
import { killOperation } from '../load/killing-operations.ts';

// At full length: npm run soak -- --operation 100000
it('a bulk change goes on wherever its process is killed: each ticket is changed once, with one entry', async () => {
  const tickets = 4_000;
  const report = await killOperation({ tickets, kills: 2, processes: 1 });
  expect(report.operation).toMatchObject({ state: OperationState.SUCCEEDED, totalCount: BigInt(tickets), changedCount: BigInt(tickets) });
  expect(report).toMatchObject({ entries: tickets, changedTickets: tickets, withNewValue: tickets, atSecondVersion: tickets, faults: [] });
  expect(report.doneAtKills.every((done) => done > 0 && done < tickets)).toBe(true);
  expect(report.invariants.findings.filter(({ violations }) => violations > 0)).toEqual([]);
}, 180_000);
