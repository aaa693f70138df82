import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeExpiringCache, steadyNowMs } from '../../src/foundation/expiring-cache.ts';

describe('a cache that forgets', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('remembers a value until its time is over, counted from when it was true', () => {
    const cache = makeExpiringCache<string>(10);
    const sinceMs = steadyNowMs();
    vi.advanceTimersByTime(400);
    cache.set('key', 'value', 1_000, sinceMs);
    vi.advanceTimersByTime(599);
    expect(cache.get('key')).toBe('value');
    vi.advanceTimersByTime(1);
    expect(cache.get('key')).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it('does not take in what is over already', () => {
    const cache = makeExpiringCache<string>(10);
    cache.set('key', 'older', 1_000, steadyNowMs());
    cache.set('key', 'newer', -5, steadyNowMs());
    expect(cache.get('key')).toBeUndefined();
  });

  it('remembers no longer when somebody sets the clock of the machine back', () => {
    const cache = makeExpiringCache<string>(10);
    cache.set('key', 'value', 1_000, steadyNowMs());
    vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(1_000);
    expect(cache.get('key')).toBeUndefined();
  });

  it('never grows past its capacity, and lets go what was used least recently', () => {
    const cache = makeExpiringCache<number>(3);
    for (const [index, key] of ['a', 'b', 'c'].entries()) cache.set(key, index, 1_000, steadyNowMs());
    cache.get('a');
    cache.set('d', 3, 1_000, steadyNowMs());
    expect(cache.size).toBe(3);
    expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key))).toEqual([0, undefined, 2, 3]);
  });
});
