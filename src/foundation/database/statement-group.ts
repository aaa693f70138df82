import pg, { type Client, type QueryResult } from 'pg';
import { preparedName } from './prepared.ts';

/** What pg's own queries do with the messages of one statement. */
interface Part {
  readonly name: string | undefined;
  readonly text: string;
  submit(connection: Connection): Error | null;
  hasBeenParsed(connection: Connection): unknown;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
  handleReadyForQuery(connection: Connection): void;
  handleError(error: unknown, connection?: Connection): void;
}

/** pg's side of the wire. */
interface Connection {
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  bind(config: unknown): void;
  describe(what: unknown): void;
  sync(): void;
}

const makePart = pg.Query as unknown as new (config: object, values: undefined, done: (error: unknown, result: QueryResult) => void) => Part;

/** What the rows of prepared statements look like, by name; null where there are none. PostgreSQL is asked once. */
const descriptions = new Map<string, unknown>();

/** What PostgreSQL says of a statement after one that failed. */
const failedBefore = (): Error => Object.assign(new Error('an earlier statement of the transaction failed'), { code: '25P02' });

/**
 * Statements that go to PostgreSQL together and end with one Sync: it sends all answers at once, where it would send
 * one packet, and wake us up, for each. After one that failed, PostgreSQL skips the rest.
 *
 * To pg it is one query: what pg calls are the methods that its own queries have.
 */
export class StatementGroup {
  readonly #client: Client;
  readonly #parts: Part[] = [];
  /** The part that PostgreSQL is answering. */
  #at = 0;
  #prepares = false;
  /** A statement failed in a group that prepared some for the first time: which of them the connection keeps is not known. */
  tainted = false;
  /** A statement could not be sent. */
  broken = false;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Adds a statement; resolves with its result once the group was sent and it was carried out. */
  add(text: string, values: readonly unknown[]): Promise<QueryResult> {
    return new Promise((resolve, reject) => {
      const config = { name: preparedName(text), text, values, queryMode: 'extended', types: this.#client };
      this.#parts.push(new makePart(config, undefined, (error, result) => (error ? reject(error) : resolve(result))));
    });
  }

  submit(connection: Connection): void {
    let bound = false;
    let described = false;
    // A query ends with a Sync of its own: here only the last may. One whose values cannot be written closes its statement: here it stays.
    const silent: Connection = Object.create(connection, {
      sync: { value: () => undefined },
      close: { value: () => undefined },
      describe: { value: (what: unknown) => described || connection.describe(what) },
      bind: {
        value: (config: unknown) => {
          connection.bind(config);
          bound = true;
        },
      },
    });
    for (const [at, part] of this.#parts.entries()) {
      bound = false;
      const description = descriptions.get(part.name ?? '');
      described = description !== undefined;
      if (description) part.handleRowDescription(description);
      this.#prepares ||= part.name !== undefined && !part.hasBeenParsed(connection);
      const refused = part.submit(silent);
      if (bound) continue;
      // It was not sent, so nothing after it may be: a COMMIT would keep half of the work.
      this.broken = true;
      const skipped = this.#parts.splice(at);
      if (refused) part.handleError(refused, connection);
      for (const later of skipped.slice(1)) later.handleError(failedBefore(), connection);
      break;
    }
    connection.sync();
  }

  /** Instead of being sent: an earlier group of the transaction is broken. */
  skip(): void {
    for (const part of this.#parts) part.handleError(failedBefore());
  }

  handleRowDescription(message: unknown): void {
    const part = this.#parts[this.#at];
    if (part?.name) descriptions.set(part.name, message);
    part?.handleRowDescription(message);
  }

  handleDataRow(message: unknown): void {
    this.#parts[this.#at]?.handleDataRow(message);
  }

  handleCommandComplete(message: unknown, connection: Connection): void {
    const part = this.#parts[this.#at] as Part;
    this.#at += 1;
    if (part.name) {
      connection.parsedStatements[part.name] = part.text;
      delete connection.submittedNamedStatements[part.name];
      if (!descriptions.has(part.name)) descriptions.set(part.name, null);
    }
    part.handleCommandComplete(message, connection);
    part.handleReadyForQuery(connection);
  }

  handleReadyForQuery(): void {
    // Each part was answered when it was complete.
  }

  handleError(error: unknown, connection: Connection): void {
    this.tainted = this.#prepares;
    const [failed, ...skipped] = this.#parts.slice(this.#at);
    this.#at = this.#parts.length;
    failed?.handleError(error, connection);
    for (const part of skipped) part.handleError(failedBefore(), connection);
  }
}
