// The Merkle tree of RFC 6962 (Certificate Transparency), section 2.1: leaves and inner nodes are hashed apart, and a tree whose size is no
// power of two is split at the largest power below it. Hashes are in hexadecimal.
import { hash } from 'node:crypto';

const HASH_BYTES = 32;
/** 0x01 and two hashes: an inner node is hashed from here. */
const node = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

/** The hash of a leaf from its text. */
export const leafHash = (text: string): string => hash('sha256', `\0${text}`, 'hex');

function nodeHash(left: string, right: string): string {
  node.write(left, 1, 'hex');
  node.write(right, 1 + HASH_BYTES, 'hex');
  return hash('sha256', node, 'hex');
}

/** One level up: pairs are joined, and a last one without a partner rises as it is. */
function parents(level: readonly string[]): string[] {
  const above: string[] = [];
  for (let at = 0; at + 1 < level.length; at += 2) above.push(nodeHash(level[at] as string, level[at + 1] as string));
  if (level.length % 2 === 1) above.push(level.at(-1) as string);
  return above;
}

/** The root over leaves in their order. @throws Error when there are none. */
export function merkleRoot(leaves: readonly string[]): string {
  if (leaves.length === 0) throw new Error('a tree has at least one leaf');
  let level = leaves;
  while (level.length > 1) level = parents(level);
  return level[0] as string;
}

/** The hashes beside the way from a leaf to the root, from below. */
export function merklePath(leaves: readonly string[], index: number): string[] {
  const path: string[] = [];
  let at = index;
  for (let level: readonly string[] = leaves; level.length > 1; level = parents(level)) {
    const partner = level[at ^ 1];
    if (partner !== undefined) path.push(partner);
    at >>= 1;
  }
  return path;
}

/** The root that a leaf's place and its path lead to, or undefined when the path does not fit the size of the tree. */
export function rootOfPath(leaf: string, index: number, size: number, path: readonly string[]): string | undefined {
  if (index < 0 || index >= size) return undefined;
  let [at, last, reached, used] = [index, size - 1, leaf, 0];
  for (; last > 0; at >>= 1, last >>= 1) {
    if (at % 2 === 0 && at === last) continue;
    const partner = path[used++];
    if (partner === undefined) return undefined;
    reached = at % 2 === 1 ? nodeHash(partner, reached) : nodeHash(reached, partner);
  }
  return used === path.length ? reached : undefined;
}
