import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_REFUSAL_KINDS, MAX_REFUSAL_KINDS_PER_CALLER, MAX_REFUSALS_PER_WRITE, MAX_REFUSED_CALLERS, REFUSAL_WINDOW_MS } from '../../src/edge/rpc/limits.ts';
import { type Fold, type Refusal, RefusalFolds } from '../../src/edge/rpc/refusal-folds.ts';

const ALL = 1_000_000;
const MINUTE_MS = REFUSAL_WINDOW_MS;

const refusal = (more: Partial<Refusal> = {}): Refusal => ({
  actor: 'user:sue',
  actorKind: 'USER',
  rpc: 'a.B/Change',
  code: 'NOT_FOUND',
  errorReason: 'TICKET_NOT_FOUND',
  requestId: undefined,
  reason: '',
  ...more,
});
const counts = (folds: readonly Fold[]): number[] => folds.map(({ calls }) => calls.count);
const sum = (folds: readonly Fold[]): number => counts(folds).reduce((a, b) => a + b, 0);

describe('calls that are refused alike', () => {
  it('are due at once, and once more when the minute is over, with the first one of each and its times', () => {
    const folds = new RefusalFolds();
    folds.count(refusal({ reason: 'first', requestId: 'a' }), 1_000);
    expect(folds.take(1_100, ALL).map(({ calls }) => calls)).toEqual([
      { ...refusal({ reason: 'first', requestId: 'a' }), count: 1, firstMsAgo: 100, lastMsAgo: 100 },
    ]);
    for (let ms = 2_000; ms < 1_000 + MINUTE_MS; ms += 1_000) folds.count(refusal({ reason: `at ${ms}` }), ms);
    expect(folds.take(999 + MINUTE_MS, ALL)).toEqual([]);
    expect(folds.take(1_000 + MINUTE_MS, ALL).map(({ calls }) => calls)).toEqual([
      { ...refusal({ reason: 'at 2000' }), count: 59, firstMsAgo: MINUTE_MS - 1_000, lastMsAgo: 1_000 },
    ]);
    expect(folds.empty).toBe(true);
  });

  it('begin a new minute after that, at whatever time', () => {
    const folds = new RefusalFolds();
    folds.count(refusal(), 0);
    folds.take(0, ALL);
    folds.take(MINUTE_MS, ALL);
    folds.count(refusal(), 90_000);
    folds.count(refusal(), 90_001);
    expect(counts(folds.take(90_500, ALL))).toEqual([2]);
    folds.count(refusal(), 90_000 + MINUTE_MS - 1);
    expect(folds.take(90_000 + MINUTE_MS - 1, ALL)).toEqual([]);
    expect(counts(folds.take(90_000 + MINUTE_MS, ALL))).toEqual([1]);
  });

  it.each<[string, Partial<Refusal>]>([
    ['caller', { actor: 'user:joe' }],
    ['kind of caller', { actorKind: 'SERVICE' }],
    ['RPC', { rpc: 'a.B/Other' }],
    ['status', { code: 'ABORTED' }],
    ['reason of the status', { errorReason: 'GROUP_NOT_FOUND' }],
  ])('are not alike when they differ in the %s', (_, more) => {
    const folds = new RefusalFolds();
    folds.count(refusal(), 0);
    folds.count(refusal(more), 0);
    expect(counts(folds.take(0, ALL))).toEqual([1, 1]);
  });
});

describe('refused calls of many kinds', () => {
  it("are told apart up to a number for each caller, the others as one, and nobody else's are touched", () => {
    const folds = new RefusalFolds();
    for (let kind = 0; kind < 500; kind++) folds.count(refusal({ rpc: `a.B/Change${kind}` }), 0);
    folds.count(refusal({ actor: 'user:joe' }), 0);
    const taken = folds.take(0, ALL).map(({ calls }) => calls);
    expect(taken).toHaveLength(MAX_REFUSAL_KINDS_PER_CALLER + 2);
    expect(taken.filter(({ rpc }) => rpc === '')).toEqual([
      { ...refusal({ rpc: '', code: '', errorReason: 'OTHERS' }), count: 500 - MAX_REFUSAL_KINDS_PER_CALLER, firstMsAgo: 0, lastMsAgo: 0 },
    ]);
    expect(taken.at(-1)).toMatchObject({ actor: 'user:joe', rpc: 'a.B/Change' });
  });

  it('by more callers than can be remembered are not counted, and their minute ends too', () => {
    const folds = new RefusalFolds();
    for (let caller = 0; caller < MAX_REFUSED_CALLERS; caller++) expect(folds.count(refusal({ actor: `user:${caller}` }), 0)).toBe(true);
    expect(folds.count(refusal({ actor: 'user:late' }), 0)).toBe(false);
    expect(folds.count(refusal({ actor: 'user:7' }), 0)).toBe(true);
    expect(sum(folds.take(0, ALL))).toBe(MAX_REFUSED_CALLERS + 1);
    folds.take(MINUTE_MS, ALL);
    expect(folds.count(refusal({ actor: 'user:late' }), MINUTE_MS)).toBe(true);
  });

  it('are bounded over all callers too', () => {
    const folds = new RefusalFolds();
    const callers = MAX_REFUSED_CALLERS;
    for (let kind = 0; kind < 20; kind++) for (let caller = 0; caller < callers; caller++) folds.count(refusal({ actor: `user:${caller}`, rpc: `${kind}` }), 0);
    const taken = folds.take(0, ALL);
    expect(taken.length).toBeLessThanOrEqual(MAX_REFUSAL_KINDS + callers);
    expect(sum(taken)).toBe(20 * callers);
  });

  it('are handed out a number at a time, none twice and none forgotten', () => {
    const folds = new RefusalFolds();
    for (let caller = 0; caller < 2_500; caller++) folds.count(refusal({ actor: `user:${caller}` }), 0);
    const taken = [1, 2, 3, 4].map(() => folds.take(0, MAX_REFUSALS_PER_WRITE));
    expect(taken.map((folded) => folded.length)).toEqual([1_000, 1_000, 500, 0]);
    expect(new Set(taken.flat().map(({ calls }) => calls.actor)).size).toBe(2_500);
  });
});

describe('what could not be written', () => {
  it('is due again as one with what came meanwhile, and the minute waits for it', () => {
    const folds = new RefusalFolds();
    folds.count(refusal({ reason: 'first' }), 0);
    for (let ms = 1_000; ms <= 10 * MINUTE_MS; ms += 1_000) {
      const folded = folds.take(ms, ALL);
      expect(folded).toHaveLength(1);
      folds.count(refusal({ reason: 'later' }), ms);
      folds.giveBack(folded);
    }
    const [fold, ...others] = folds.take(10 * MINUTE_MS, ALL);
    expect(others).toEqual([]);
    expect(fold?.calls).toMatchObject({ reason: 'first', count: 601, firstMsAgo: 10 * MINUTE_MS, lastMsAgo: 0 });
    folds.take(10 * MINUTE_MS + 1, ALL);
    expect(folds.empty).toBe(true);
  });

  it('stays within the bounds however long the database is away or slow', () => {
    const folds = new RefusalFolds();
    for (let minute = 0; minute < 20; minute++) {
      for (let kind = 0; kind < 3_000; kind++) folds.count(refusal({ actor: `user:${kind}`, rpc: `a.B/${minute}` }), minute * MINUTE_MS);
      const folded = folds.take(minute * MINUTE_MS + 1_000, MAX_REFUSALS_PER_WRITE);
      if (minute % 2 === 0) folds.giveBack(folded);
    }
    folds.endWindow();
    let left = 0;
    for (let folded = folds.take(0, 1_000); folded.length > 0; folded = folds.take(0, 1_000)) left += folded.length;
    expect(left).toBeLessThanOrEqual(MAX_REFUSAL_KINDS + MAX_REFUSED_CALLERS + MAX_REFUSALS_PER_WRITE);
  });
});

it('loses no call and writes no kind more than twice a minute, whatever comes in whatever order', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('count' as const), actor: fc.constantFrom('a', 'b'), rpc: fc.constantFrom('1', '2', '3') }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 20_000, 60_000) }),
    fc.record({ do: fc.constant('write' as const), limit: fc.constantFrom(1, 2, 100), works: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const folds = new RefusalFolds();
      const writes: { readonly key: string; readonly ms: number }[] = [];
      let nowMs = 0;
      let [counted, written] = [0, 0];
      for (const one of steps) {
        if (one.do === 'wait') nowMs += one.ms;
        else if (one.do === 'count') {
          counted += 1;
          expect(folds.count(refusal({ actor: one.actor, rpc: one.rpc }), nowMs)).toBe(true);
        } else {
          const folded = folds.take(nowMs, one.limit);
          if (one.works) {
            written += sum(folded);
            for (const { calls } of folded) writes.push({ key: `${calls.actor} ${calls.rpc}`, ms: nowMs });
          } else folds.giveBack(folded);
        }
        expect(folds.waitingCalls + written).toBe(counted);
      }
      // Twice in each minute: so of five writes in a row, the last comes a minute after the first, wherever minutes begin.
      for (const [at, { key, ms }] of writes.entries()) {
        const fifth = writes.slice(at).filter((one) => one.key === key)[4];
        if (fifth) expect(fifth.ms - ms).toBeGreaterThanOrEqual(MINUTE_MS);
      }
    }),
    { numRuns: 300 },
  );
});
