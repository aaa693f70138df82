import { steadyNowMs } from './expiring-cache.ts';

/** How often a process looks, for all who wait in it together; in milliseconds. */
const TICK_MS = 250;

let upcoming: Promise<void> | undefined;

/** Everybody in this process wakes at the same moment, so that what they ask for can be looked up together. */
function nextTick(): Promise<void> {
  upcoming ??= new Promise((resolve) => {
    setTimeout(() => {
      upcoming = undefined;
      resolve();
    }, TICK_MS);
  });
  return upcoming;
}

/**
 * Looks again and again, four times a second, until what it sees will do or `timeoutMs` have passed; answers what it saw last, be it good or
 * not. Rejects when the signal is aborted, and with what `look` rejects with.
 */
export async function lookUntil<Seen>(
  look: () => Promise<Seen>,
  will: (seen: Seen) => boolean,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Seen> {
  const endMs = steadyNowMs() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (will(seen) || steadyNowMs() >= endMs) return seen;
    await nextTick();
    signal.throwIfAborted();
  }
}
