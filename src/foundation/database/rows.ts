import type { Sql } from './sql.ts';

/** Rows fetched from a cursor at a time. */
const CHUNK_ROWS = 2_000;

let cursors = 0;

/**
 * The rows of a query one by one, through a cursor: memory stays flat whatever the number of rows. Needs
 * to be inside a transaction.
 */
export async function* readRows<Row>(sql: Sql, query: string, chunkRows = CHUNK_ROWS, values: readonly unknown[] = []): AsyncGenerator<Row, undefined> {
  cursors += 1;
  const cursor = `rows_${cursors}`;
  await sql(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${query}`, values);
  for (;;) {
    const rows = await sql<Row>(`FETCH ${chunkRows} FROM ${cursor}`);
    yield* rows;
    if (rows.length < chunkRows) break;
  }
  await sql(`CLOSE ${cursor}`);
}

/** A stream of rows whose next one can be looked at before it is taken. */
export class Rows<Row> {
  readonly #rows: AsyncIterator<Row, undefined>;
  #next: Row | undefined;

  private constructor(rows: AsyncIterator<Row, undefined>) {
    this.#rows = rows;
  }

  /** Opens a stream and reads its first row. */
  static async open<Row>(rows: AsyncGenerator<Row, undefined>): Promise<Rows<Row>> {
    const opened = new Rows<Row>(rows);
    await opened.#advance();
    return opened;
  }

  /** The next row; undefined at the end. */
  get next(): Row | undefined {
    return this.#next;
  }

  /** Takes the next row. */
  async take(): Promise<Row | undefined> {
    const taken = this.#next;
    await this.#advance();
    return taken;
  }

  /** Takes rows as long as they satisfy a condition. */
  async takeWhile(holds: (row: Row) => boolean): Promise<Row[]> {
    const taken: Row[] = [];
    while (this.#next !== undefined && holds(this.#next)) {
      taken.push(this.#next);
      await this.#advance();
    }
    return taken;
  }

  async #advance(): Promise<void> {
    this.#next = (await this.#rows.next()).value;
  }
}
