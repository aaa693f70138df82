import { expect, it } from 'vitest';
import { Interpreter, type Peekable } from '../../../src/domain/simulation/history/interpreter.ts';
import type { ChangeRecord, TicketEntry } from '../../../src/domain/simulation/history/records.ts';

const TRANSACTION = 2n ** 32n + 7n;

/** A ticket that comes and waits: an entry without numbers, with the time at which its unit of work began. */
const waits: TicketEntry = {
  ...{ entryId: 1, transactionId: String(TRANSACTION), time: 100, createTime: 100, rpc: 'ticketing.v1.TicketService/CreateTicket', ticket: 't' },
  ...{ old: null, new: { groupId: 'g', status: 1, priority: 2, agentId: null, waitStart: 100 }, assigned: false },
};
/** The day that begins, written a moment later. */
const dayBy = (xid: string): ChangeRecord => ({ type: 'DAY', sequence: 1, time: 101, xid, day: '2026-03-02', begins: 0, groupIds: ['g'] });

async function orderOf(change: ChangeRecord): Promise<string[]> {
  const left = [waits];
  const entries: Peekable<TicketEntry> = {
    get next() {
      return left[0];
    },
    take: async () => left.shift(),
  };
  const interpreter = new Interpreter(entries, () => ({ createTime: 100, counts: true, handlingMs: undefined }));
  return [...(await interpreter.interpret(change, undefined)), ...(await interpreter.end())].map(({ type }) => type).filter((type) => type !== 'HAND_OUT');
}

it('what a unit of work changes of tickets comes after the day that it begins, though its time is earlier', async () => {
  expect(await orderOf(dayBy('7'))).toEqual(['DAY', 'ARRIVAL']);
});

it('what another changed before comes before', async () => {
  expect(await orderOf(dayBy('8'))).toEqual(['ARRIVAL', 'DAY']);
});
