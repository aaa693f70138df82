import { create, type DescMessage, type Message, type MessageInitShape, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { Context } from './context.ts';
import { pageTokenKey } from './database/secrets.ts';
import { argumentsHash, cutPage, decodePageToken, encodePageToken, type Order, type PageBinding, type Position, pageSize, positionOf } from './page/index.ts';

/** A list request, as the contract has them all. */
type ListRequest<Desc extends DescMessage> = MessageShape<Desc> & Message & { readonly pageSize: number; readonly pageToken: string };

/** Rows of a part of a list, which goes on after `end` although fewer rows were found than asked for; undefined when there is no more. */
interface Stretch<Row> {
  readonly rows: readonly Row[];
  readonly end: Position | undefined;
}

/** How one list is read. */
export interface Listing<Request extends DescMessage, Row extends object, Item extends DescMessage> {
  readonly request: readonly [schema: Request, message: ListRequest<Request>];
  /** A total order; its `positionSql` is among the columns of every row. */
  readonly order: Order;
  /** Reads at most `limit` rows in that order, from the first one or from after a position: all there are, or those of a stretch. */
  read(limit: number, after: Position | undefined): Promise<readonly Row[] | Stretch<Row>>;
  readonly item: readonly [schema: Item, toItem: (row: Row) => MessageInitShape<Item>];
}

/**
 * One page of a list, and the token that leads to the next one; '' when this is the last. The page ends
 * at the size asked for or before it outgrows what clients take. A token serves only the caller, the
 * method, the arguments and the order that it was made for: anything else is a `PageTokenError`.
 */
export async function listPage<Request extends DescMessage, Row extends object, Item extends DescMessage>(
  ctx: Context,
  listing: Listing<Request, Row, Item>,
): Promise<{ items: MessageShape<Item>[]; nextPageToken: string }> {
  const [requestSchema, request] = listing.request;
  const [itemSchema, toItem] = listing.item;
  const size = pageSize(request.pageSize);
  const binding: PageBinding = { caller: ctx.caller.actor, rpc: ctx.rpc, argumentsHash: argumentsHash(requestSchema, request), order: listing.order };
  const key = await pageTokenKey(ctx.em);
  const after = request.pageToken === '' ? undefined : decodePageToken(key, binding, request.pageToken);
  const found = await listing.read(size + 1, after);
  const { rows, end }: Stretch<Row> = 'rows' in found ? found : { rows: found, end: undefined };
  const read = rows.map((row) => ({ row, item: create(itemSchema, toItem(row)) }));
  const page = cutPage(read, size, ({ item }) => toBinary(itemSchema, item).length);
  const last = page.items.at(-1);
  const reached = page.more && last ? positionOf(last.row as Readonly<Record<string, unknown>>, listing.order) : end;
  return { items: page.items.map(({ item }) => item), nextPageToken: reached ? encodePageToken(key, binding, reached) : '' };
}
