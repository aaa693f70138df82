import type { Http2Server, Http2Stream, ServerHttp2Session } from 'node:http2';

/**
 * The streams of a connection, kept in two arrays of equal length.
 *
 * Node keeps them in a Map. Each call enters and leaves it, so it outgrows its table again and again, and an outgrown table points
 * to its successor for the sake of iterators under way. Once one is old, V8's collections of young objects take all later ones and
 * every call in them for living, though they are not: about 10 kB a call was copied twice and left to the collection of old objects.
 * Arrays leave nothing behind that points forward.
 */
export class StreamTable {
  readonly #ids: number[] = [];
  readonly #streams: Http2Stream[] = [];

  get size(): number {
    return this.#ids.length;
  }

  get(id: number): Http2Stream | undefined {
    const at = this.#ids.indexOf(id);
    return at < 0 ? undefined : this.#streams[at];
  }

  set(id: number, stream: Http2Stream): this {
    const at = this.#ids.indexOf(id);
    if (at >= 0) {
      this.#streams[at] = stream;
    } else {
      this.#ids.push(id);
      this.#streams.push(stream);
    }
    return this;
  }

  delete(id: number): boolean {
    const at = this.#ids.indexOf(id);
    if (at < 0) return false;
    const [lastId, last] = [this.#ids.pop() as number, this.#streams.pop() as Http2Stream];
    if (at < this.#ids.length) {
      this.#ids[at] = lastId;
      this.#streams[at] = last;
    }
    return true;
  }

  forEach(visit: (stream: Http2Stream, id: number) => void): void {
    const ids = [...this.#ids];
    for (const [at, stream] of [...this.#streams].entries()) visit(stream, ids[at] as number);
  }
}

/** The streams that have no id yet: at a server, none for longer than its constructor runs. Kept in an array for the same reason. */
export class PendingStreams {
  readonly #streams: Http2Stream[] = [];

  get size(): number {
    return this.#streams.length;
  }

  add(stream: Http2Stream): this {
    if (!this.#streams.includes(stream)) this.#streams.push(stream);
    return this;
  }

  delete(stream: Http2Stream): boolean {
    const at = this.#streams.indexOf(stream);
    if (at >= 0) this.#streams.splice(at, 1);
    return at >= 0;
  }

  forEach(visit: (stream: Http2Stream) => void): void {
    for (const stream of [...this.#streams]) visit(stream);
  }
}

/** Where Node's connections keep their streams. */
interface SessionState {
  streams: Pick<StreamTable, 'size' | 'get' | 'set' | 'delete' | 'forEach'>;
  pendingStreams: Pick<PendingStreams, 'size' | 'add' | 'delete' | 'forEach'>;
}

/** Whose source was read: it asks of its tables what the classes above can do, and no more. */
const KNOWN_NODE = '24.';

/** Has every connection of an HTTP/2 server keep its streams in arrays. A Node that is not known to bear that is left as it is. */
export function keepStreamsInArrays(server: Http2Server): void {
  if (!process.versions.node.startsWith(KNOWN_NODE)) return;
  server.prependListener('session', (session) => {
    const state = stateOf(session);
    if (!state || state.streams.size > 0 || state.pendingStreams.size > 0) return;
    state.streams = new StreamTable();
    state.pendingStreams = new PendingStreams();
  });
}

/** Node has no public way to it. */
export function stateOf(session: ServerHttp2Session): SessionState | undefined {
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  const state = symbol && (session as unknown as Record<symbol, Partial<SessionState> | undefined>)[symbol];
  return state?.streams && state.pendingStreams ? (state as SessionState) : undefined;
}
