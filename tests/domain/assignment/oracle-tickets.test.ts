import { describe, expect, it } from 'vitest';
import { checkTicket, type TicketEntry, type TicketEvent, type TicketFacts, WaitingOrder } from '../../../src/domain/assignment/index.ts';

const facts = (agentId: string | null, status = 1, priority = 2, groupId = 'G'): TicketFacts => ({ groupId, status, priority, agentId });

/** The life of one ticket: entries and events written side by side. */
class Life {
  readonly entries: TicketEntry[] = [];
  readonly events: TicketEvent[] = [];
  #row: TicketFacts | null = null;
  #transaction = 0;
  #sequence = 0;

  /** One transaction: the row becomes this, with these decisions (`CREATE a`, `REASSIGN b<a`) and releases (`-a`, `+a` for resolved). */
  step(now: TicketFacts | null, ...events: string[]): this {
    this.#transaction += 1;
    const transactionId = String(this.#transaction);
    const time = `2026-03-02 09:00:0${this.#transaction}+00`;
    const old = this.#row;
    const assigned = events.some((event) => event.includes(' '));
    this.entries.push({ entryId: this.#transaction, transactionId, time, old, new: now, assigned });
    this.#row = now;
    for (const event of events) this.events.push({ ...parse(event), sequence: ++this.#sequence, time, transactionId });
    return this;
  }

  check(
    row: TicketFacts | null | undefined = this.#row,
    entries: readonly TicketEntry[] = this.entries,
    events: readonly TicketEvent[] = this.events,
  ): string[] {
    const found: string[] = [];
    checkTicket({ ticketId: 'T', entries, events, row: row ?? undefined }, (invariant, words) => found.push(`${invariant} ${words}`));
    return found;
  }
}

function parse(event: string): Omit<TicketEvent, 'sequence' | 'time' | 'transactionId'> {
  if (/^[+-]/.test(event)) return { kind: 'RELEASE', agentId: event.slice(1), previousAgentId: null, resolved: event.startsWith('+') };
  const [kind = '', agents = ''] = event.split(' ');
  const [agentId = '', previousAgentId] = agents.split('<');
  return { kind: kind as TicketEvent['kind'], agentId, previousAgentId: previousAgentId ?? null, resolved: false };
}

describe('the record of a ticket', () => {
  it('passes when every change of desk has its decision, its release and its entry', () => {
    const life = new Life()
      .step(facts(null))
      .step(facts('a'), 'WAITING a')
      .step(facts('a', 2))
      .step(facts('b'), 'REASSIGN b<a', '-a')
      .step(facts('c'), '-b', 'MANUAL c<b')
      .step(facts('c', 4), '+c')
      .step(facts('c'), 'REOPEN c<c')
      .step(facts('a'), '-c', 'WAITING a')
      .step(facts('a', 6), '-a');
    expect(life.check()).toEqual([]);
  });

  it('passes when a ticket was taken from an agent and given back to him in one change', () => {
    expect(new Life().step(facts('a'), 'CREATE a').step(facts('a'), '-a', 'WAITING a').check()).toEqual([]);
  });

  it('passes when the months of its beginning were dropped from the log', () => {
    const life = new Life().step(facts('a'), 'CREATE a').step(facts('a', 4), '+a').step(facts('b'), 'REOPEN b<a');
    expect(life.check(undefined, life.entries.slice(1))).toEqual([]);
  });

  it('passes when the requests are no longer on record', () => {
    const life = new Life().step(facts('a'), 'CREATE a');
    expect(
      life.check(
        undefined,
        life.entries,
        life.events.map((event) => ({ ...event, transactionId: null })),
      ),
    ).toEqual([]);
  });

  it.each([
    [
      'it lies on another desk',
      (life: Life) => life.check(facts('b')),
      'I3 ticket T is on the desk of b; by its decisions and releases it should be on that of a',
    ],
    [
      'it lies on a desk that it was released from',
      (life: Life) => life.check(undefined, life.entries, [...life.events, { ...parse('-a'), sequence: 9, time: '', transactionId: '1' }]),
      'should be on that of nobody',
    ],
    ['it is gone', (life: Life) => life.check(null), 'I1 ticket T has 1 audit entries'],
    ['its decision is gone', (life: Life) => life.check(undefined, life.entries, []), 'should be on that of nobody'],
    [
      'its decision was made elsewhere',
      (life: Life) =>
        life.check(
          undefined,
          life.entries,
          life.events.map((event) => ({ ...event, transactionId: '7' })),
        ),
      'was made by transaction 7, the entry by 1',
    ],
    ['it moved without a decision', (life: Life) => life.step(facts('b')).step(facts('a')).check(), 'moves it from a to b: there is no release of a'],
    ['it moved without being released', (life: Life) => life.step(facts('b'), 'MANUAL b<a').check(), 'there is no release of a'],
    [
      'a decision left no trace in the log',
      (life: Life) => life.check(undefined, life.entries, [...life.events, { ...parse('MANUAL a'), sequence: 9, time: '', transactionId: '1' }]),
      'decision 9 has no audit entry',
    ],
    ['it was resolved but its agent not credited', (life: Life) => life.step(facts('a', 4), '-a').check(), 'says not resolved, the entry has status 4'],
    ['its agent was credited for what was cancelled', (life: Life) => life.step(facts('a', 6), '+a').check(), 'says resolved, the entry has status 6'],
    ['it was created twice', (life: Life) => life.step(facts('b'), '-a', 'CREATE b<a').check(), 'is a CREATE, but the ticket was PENDING'],
    ['it was reopened while pending', (life: Life) => life.step(facts('b'), '-a', 'REOPEN b<a').check(), 'is a REOPEN, but the ticket was PENDING'],
    [
      'it was dealt out while finished',
      (life: Life) => life.step(facts('a', 4), '+a').step(facts('b'), 'REASSIGN b<a').check(),
      'is a REASSIGN, but the ticket was FINISHED',
    ],
    [
      'its decision names a wrong agent before',
      (life: Life) => life.step(facts('b'), 'REASSIGN b<c', '-a').check(),
      'names c as the agent before, the entry a',
    ],
  ])('is caught when %s', (_, check, words) => {
    expect(check(new Life().step(facts('a'), 'CREATE a'))).toEqual([expect.stringContaining(words)]);
  });
});

describe('the waiting order', () => {
  /** Entries as `transaction ticket old→new`; a decision as its kind, its number, and the levels it had relaxed by; when it began to wait. */
  function check(
    ...lines: (readonly [
      transaction: number,
      ticketId: string,
      old: TicketFacts | null,
      now: TicketFacts | null,
      decision?: string | undefined,
      since?: number,
    ])[]
  ) {
    const found: string[] = [];
    const order = new WaitingOrder((invariant, words) => found.push(`${invariant} ${words}`));
    let sequence = 100;
    for (const [transaction, ticketId, old, now, decision, since = null] of lines) {
      sequence += 1;
      const [kind, number, relaxed = 0] = decision?.split(' ') ?? [];
      order.enter({
        transactionId: String(transaction),
        ticketId,
        createTime: `2026-03-02 09:00:0${ticketId.slice(1)}+00`,
        since,
        old,
        new: now,
        decision: kind === undefined ? null : { sequence: Number(number ?? sequence), kind, relaxed: Number(relaxed) },
      });
    }
    order.end();
    return { found, checked: order.checked };
  }
  const waits = (priority = 2): TicketFacts => facts(null, 1, priority);
  const given = (priority = 2): TicketFacts => facts('a', 1, priority);

  it('passes by priority, then create time', () => {
    const { found, checked } = check(
      [1, 't1', null, waits()],
      [2, 't2', null, waits(4)],
      [3, 't3', null, waits()],
      [4, 't2', waits(4), given(4), 'WAITING'],
      [5, 't3', waits(), given(), 'WAITING 8'],
      [5, 't1', waits(), given(), 'WAITING 7'],
    );
    expect(found).toEqual([]);
    expect(checked).toBe(3);
  });

  it('passes when an earlier ticket left the line otherwise, was claimed, or changed its priority in time', () => {
    expect(check([1, 't1', null, waits()], [2, 't2', null, waits()], [3, 't1', waits(), facts(null, 6)], [4, 't2', waits(), given(), 'WAITING']).found).toEqual(
      [],
    );
    expect(check([1, 't1', null, waits()], [2, 't2', null, waits()], [3, 't2', waits(), given(), 'MANUAL']).found).toEqual([]);
    expect(
      check(
        [1, 't1', null, waits()],
        [2, 't2', null, waits()],
        [3, 't2', waits(), waits(4)],
        [4, 't2', waits(4), given(4), 'WAITING'],
        [5, 't1', waits(), given(), 'WAITING'],
      ).found,
    ).toEqual([]);
  });

  it('keeps silent about what one transaction does not show', () => {
    expect(check([1, 't1', null, waits()], [2, 't2', null, waits(4)], [2, 't1', waits(), given(), 'WAITING']).found).toEqual([]);
    expect(check([1, 't1', null, waits()], [1, 't2', null, waits()], [2, 't1', waits(), waits(1)], [2, 't2', waits(), given(), 'WAITING']).found).toEqual([]);
  });

  it('is caught when a ticket goes out while an earlier one is left waiting', () => {
    expect(check([1, 't1', null, waits()], [2, 't2', null, waits()], [3, 't2', waits(), given(), 'WAITING']).found).toEqual([
      expect.stringContaining('gave out ticket t2 while ticket t1, which came first, was left waiting'),
    ]);
  });

  it('is caught when two go out in the wrong order', () => {
    const { found } = check(
      [1, 't1', null, waits()],
      [2, 't2', null, waits()],
      [3, 't2', waits(), given(), 'WAITING 7'],
      [3, 't1', waits(), given(), 'WAITING 8'],
    );
    expect(found).toEqual([expect.stringContaining('decision 7 gave out ticket t2 before ticket t1 (8), which came first')]);
  });

  it('passes when one that has relaxed further goes past one that came first', () => {
    const lines = [
      [1, 't1', null, waits(4), undefined, 50],
      [2, 't2', null, waits(), undefined, 40],
    ] as const;
    expect(check(...lines, [3, 't2', waits(), given(), 'WAITING 7 1', 40]).found).toEqual([]);
    const both = check(...lines, [3, 't2', waits(), given(), 'WAITING 7 2', 40], [3, 't1', waits(4), given(4), 'WAITING 8 1', 50]);
    expect(both).toEqual({ found: [], checked: 2 });
  });

  it('is caught when one goes past another that came first and has relaxed as far', () => {
    const lines = [
      [1, 't1', null, waits(4), undefined, 40],
      [2, 't2', null, waits(), undefined, 50],
    ] as const;
    expect(check(...lines, [3, 't2', waits(), given(), 'WAITING 7 1', 50]).found).toEqual([
      expect.stringContaining('while ticket t1, which came first, was left'),
    ]);
    const both = check(...lines, [3, 't2', waits(), given(), 'WAITING 7 1', 50], [3, 't1', waits(4), given(4), 'WAITING 8 2', 40]);
    expect(both.found).toEqual([expect.stringContaining('gave out ticket t2 before ticket t1 (8)')]);
  });

  it('is caught when a fresh ticket goes past one that waits', () => {
    expect(check([1, 't1', null, waits()], [2, 't2', null, given(), 'CREATE']).found).toEqual([
      expect.stringContaining('gave out a fresh ticket while ticket t1 was left waiting'),
    ]);
    expect(check([1, 't1', null, waits()], [2, 't2', null, given(), 'MANUAL']).found).toEqual([]);
  });
});
