/** Numbers that look random, from 0 up to but not including 1: the same row for the same seed, on every machine. */
export type Random = () => number;

const GOLDEN = 0x9e3779b9;

/** A row of numbers from a seed; rows of different `stream` numbers have nothing to do with each other. */
export function seededRandom(seed: number, stream = 0): Random {
  let counter = mix(mix(seed | 0) ^ mix((stream | 0) + GOLDEN));
  return () => {
    counter = (counter + GOLDEN) | 0;
    return (mix(counter) >>> 0) / 2 ** 32;
  };
}

/** A span of an exponential distribution with this mean: many short ones and a few long ones. */
export const exponential = (random: Random, mean: number): number => -mean * Math.log(1 - random());

/** Spreads the bits of a whole number over all 32, one to one. */
function mix(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x7feb352d);
  bits ^= bits >>> 15;
  bits = Math.imul(bits, 0x2c1b3c6d);
  return bits ^ (bits >>> 16);
}
