import { describe, expect, it } from 'vitest';
import { cutPage, MAX_PAGE_BYTES, pageSize } from '../../../src/foundation/page/index.ts';

describe('page_size', () => {
  it.each([
    [0, 50],
    [1, 1],
    [1000, 1000],
    [1001, 1000],
    [2_147_483_647, 1000],
  ])('%i means %i', (requested, size) => {
    expect(pageSize(requested)).toBe(size);
  });

  it('must not be negative', () => {
    expect(() => pageSize(-1)).toThrow(
      expect.objectContaining({ kind: 'invalid_argument', violations: [{ field: 'page_size', description: 'must not be negative' }] }),
    );
  });
});

describe('a page', () => {
  const bytes = (item: number): number => item;

  it('is the last when no more was read than fits', () => {
    expect(cutPage([1, 2, 3], 3, bytes)).toEqual({ items: [1, 2, 3], more: false });
    expect(cutPage([], 3, bytes)).toEqual({ items: [], more: false });
  });

  it('leaves out the one that was read to know whether more follows', () => {
    expect(cutPage([1, 2, 3, 4], 3, bytes)).toEqual({ items: [1, 2, 3], more: true });
  });

  it('stops before 3.5 MiB', () => {
    const mebibyte = 1024 * 1024;
    expect(cutPage([mebibyte, mebibyte, mebibyte, mebibyte, mebibyte], 50, bytes)).toEqual({
      items: [mebibyte, mebibyte, mebibyte],
      more: true,
    });
    expect(cutPage([MAX_PAGE_BYTES - 8], 50, bytes)).toEqual({ items: [MAX_PAGE_BYTES - 8], more: false });
    expect(MAX_PAGE_BYTES).toBe(3.5 * mebibyte);
  });

  it('holds one item at least, however large', () => {
    expect(cutPage([10, 1], 50, bytes, 5)).toEqual({ items: [10], more: true });
    expect(cutPage([10], 50, bytes, 5)).toEqual({ items: [10], more: false });
  });
});
