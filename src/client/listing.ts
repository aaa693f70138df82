import type { DescMethod, DescMethodUnary, Message } from '@bufbuild/protobuf';

/** A page of a list. */
export type Page = Message & { readonly nextPageToken: string };

/** What a page holds: the items of its one repeated field. */
export type ItemOf<P> = { [Name in Exclude<keyof P, `$${string}`>]: P[Name] extends readonly (infer Item)[] ? Item : never }[Exclude<keyof P, `$${string}`>];

/**
 * The answer of a list: awaited, it is the page that was asked for; gone through with `for await`, it is every item from there on, pages being
 * fetched as they are needed.
 */
export type Listing<P extends Page> = Promise<P> &
  AsyncIterable<ItemOf<P>> & {
    /** Every page from there on. */
    pages(): AsyncIterable<P>;
  };

/** Whether the method answers page by page. */
export function isPaged(method: DescMethod): method is DescMethodUnary {
  const has = (fields: readonly { readonly name: string }[], name: string) => fields.some((field) => field.name === name);
  return method.methodKind === 'unary' && has(method.input.fields, 'page_token') && has(method.output.fields, 'next_page_token');
}

/** The listing that begins with a page and goes on by `fetch`. */
export function listingOf<P extends Page>(method: DescMethodUnary, first: Promise<P>, fetch: (pageToken: string) => Promise<P>): Listing<P> {
  const items = method.output.fields.find((field) => field.fieldKind === 'list')?.localName;
  if (items === undefined) throw new Error(`a page of ${method.name} holds no items`);
  async function* pages(): AsyncGenerator<P> {
    let page = await first;
    yield page;
    while (page.nextPageToken !== '') {
      page = await fetch(page.nextPageToken);
      yield page;
    }
  }
  async function* each(): AsyncGenerator<ItemOf<P>> {
    for await (const page of pages()) yield* page[items as keyof P] as Iterable<ItemOf<P>>;
  }
  return Object.assign(first, { pages, [Symbol.asyncIterator]: each });
}
