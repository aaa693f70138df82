import { InvalidField } from '../errors.ts';

/** Items on a page when the request names no size. */
export const DEFAULT_PAGE_SIZE = 50;

/** Most items on a page. */
export const MAX_PAGE_SIZE = 1000;

/** Largest response of a list, in bytes: clients refuse messages over 4 MiB. */
export const MAX_PAGE_BYTES = 3.5 * 1024 * 1024;

// Tag and length of each item, and the rest of the response.
const ITEM_OVERHEAD_BYTES = 8;

/** The page size that a request means: 0 is the default, more than the most is the most; a negative one throws InvalidField. */
export function pageSize(requested: number): number {
  if (requested < 0) throw new InvalidField('page_size', 'must not be negative');
  return requested === 0 ? DEFAULT_PAGE_SIZE : Math.min(requested, MAX_PAGE_SIZE);
}

/** One page, and whether anything follows it. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly more: boolean;
}

/**
 * Cuts what was read, which is one item more than the size where there is one, down to a page: at
 * most `size` items and about `maxBytes` once encoded, but always one item if there is any.
 */
export function cutPage<Item>(read: readonly Item[], size: number, encodedBytes: (item: Item) => number, maxBytes: number = MAX_PAGE_BYTES): Page<Item> {
  const items: Item[] = [];
  let bytes = 0;
  for (const item of read.slice(0, size)) {
    bytes += encodedBytes(item) + ITEM_OVERHEAD_BYTES;
    if (bytes > maxBytes && items.length > 0) break;
    items.push(item);
  }
  return { items, more: read.length > items.length };
}
