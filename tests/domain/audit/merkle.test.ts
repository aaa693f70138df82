import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leafHash, merklePath, merkleRoot, rootOfPath } from '../../../src/domain/audit/sealing/merkle.ts';

/** The definition of RFC 6962, section 2.1, as it stands there. */
function definedRoot(leaves: readonly string[]): string {
  if (leaves.length === 1) return leaves[0] as string;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  const [left, right] = [definedRoot(leaves.slice(0, split)), definedRoot(leaves.slice(split))];
  return createHash('sha256')
    .update(Buffer.from(`01${left}${right}`, 'hex'))
    .digest('hex');
}

const leavesOf = (count: number): string[] => Array.from({ length: count }, (_, at) => leafHash(`entry ${at}`));

describe('the tree over the entries of a seal', () => {
  it('hashes a leaf with a zero byte before it', () => {
    expect(leafHash('')).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
  });

  it('has the root that RFC 6962 defines, whatever its size', () => {
    for (let size = 1; size <= 70; size++) expect(merkleRoot(leavesOf(size))).toBe(definedRoot(leavesOf(size)));
  });

  it('leads from every leaf to its root, and from no other leaf, place or size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), fc.nat(), (size, some, other) => {
        const leaves = leavesOf(size);
        const [at, elsewhere] = [some % size, other % size];
        const path = merklePath(leaves, at);
        expect(path.length).toBeLessThanOrEqual(Math.ceil(Math.log2(size)));
        const root = merkleRoot(leaves);
        expect(rootOfPath(leaves[at] as string, at, size, path)).toBe(root);
        if (elsewhere !== at) {
          expect(rootOfPath(leaves[elsewhere] as string, at, size, path)).not.toBe(root);
          expect(rootOfPath(leaves[at] as string, elsewhere, size, path)).not.toBe(root);
        }
        expect(rootOfPath(leaves[at] as string, at, size, [...path, root])).toBeUndefined();
        expect(rootOfPath(leaves[at] as string, size, size, path)).toBeUndefined();
        if (path.length > 0) expect(rootOfPath(leaves[at] as string, at, size, path.slice(1))).not.toBe(root);
      }),
    );
  });
});
