/** Remembers values for a while. What was used least recently leaves first when it is full. */
export interface ExpiringCache<Value> {
  /** The value, or undefined when it was never set, has expired or had to leave. */
  get(key: string): Value | undefined;
  /** Remembers a value for `ttlMs` milliseconds from `sinceMs` on; what has already expired is not kept. */
  set(key: string, value: Value, ttlMs: number, sinceMs: number): void;
  readonly size: number;
}

/**
 * A clock for measuring spans, in milliseconds. It never jumps, whatever is done to the machine's
 * calendar time, so that nothing is remembered longer than it was meant to be.
 */
export function steadyNowMs(): number {
  return performance.now();
}

/** A cache of at most `capacity` entries. Every operation takes constant time. */
export function makeExpiringCache<Value>(capacity: number): ExpiringCache<Value> {
  // A Map keeps the order of insertion: the first key is the one used least recently.
  const entries = new Map<string, { readonly value: Value; readonly expiresMs: number }>();
  // The last key: what is asked for again and again need not be put last each time.
  let newest: string | undefined;
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const isOver = entry.expiresMs <= steadyNowMs();
      if (isOver || key !== newest) entries.delete(key);
      if (isOver) return undefined;
      entries.set(key, entry);
      newest = key;
      return entry.value;
    },
    set(key, value, ttlMs, sinceMs) {
      entries.delete(key);
      const expiresMs = sinceMs + ttlMs;
      if (expiresMs <= steadyNowMs()) return;
      entries.set(key, { value, expiresMs });
      newest = key;
      if (entries.size <= capacity) return;
      for (const oldest of entries.keys()) {
        entries.delete(oldest);
        break;
      }
    },
    get size() {
      return entries.size;
    },
  };
}
