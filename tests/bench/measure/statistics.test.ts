import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logLogSlope, medianOf, percentileOf, spreadOf } from './statistics.ts';

describe('the median', () => {
  it('is the middle figure, or lies between the two middle ones', () => {
    expect(medianOf([9, 1, 5])).toBe(5);
    expect(medianOf([4, 1, 2, 100])).toBe(3);
    expect(medianOf([10, 9, 100])).toBe(10);
    expect(medianOf([])).toBeNaN();
  });
});

describe('the spread', () => {
  it('goes from the least to the greatest', () => {
    expect(spreadOf([3, 11, 2])).toEqual({ median: 3, min: 2, max: 11 });
  });

  it('of nothing is no number, so that no bar is met by it', () => {
    expect(spreadOf([]).median).toBeNaN();
  });
});

describe('a percentile', () => {
  it('is a sample that enough of the samples do not exceed, and the least such', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (samples, share) => {
        const found = percentileOf(samples, share);
        const upTo = (limit: number) => samples.filter((sample) => sample <= limit).length;
        expect(samples).toContain(found);
        expect(upTo(found)).toBeGreaterThanOrEqual(samples.length * share);
        const less = samples.filter((sample) => sample < found);
        if (less.length > 0) expect(upTo(Math.max(...less))).toBeLessThan(samples.length * share);
      }),
    );
  });

  it('of a hundred samples is the one that the share counts to', () => {
    const samples = Array.from({ length: 100 }, (_, at) => 100 - at);
    expect(percentileOf(samples, 0.5)).toBe(50);
    expect(percentileOf(samples, 0.99)).toBe(99);
  });
});

describe('the slope between logarithms', () => {
  it('is the power by which a figure grows', () => {
    const sizes = [1e4, 1e5, 1e6, 1e7];
    expect(logLogSlope(sizes.map((size) => [size, 3 * size ** 0.5]))).toBeCloseTo(0.5, 10);
    expect(logLogSlope(sizes.map((size) => [size, 7]))).toBeCloseTo(0, 10);
    expect(logLogSlope(sizes.map((size) => [size, size ** -1]))).toBeCloseTo(-1, 10);
  });
});
