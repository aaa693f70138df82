import type { Interceptor } from '../call.ts';
import { failureOf } from '../error-map.ts';

/**
 * Ends every failed call with an `RpcFailure`, and no other error, and ends it as soon as its signal is
 * aborted: a handler that does not heed the signal keeps nobody waiting, and what it says later is dropped.
 */
export const errors: Interceptor = async (call, next) => {
  try {
    await beforeAbort(call.signal, next());
  } catch (thrown) {
    throw failureOf(thrown, call.signal);
  }
};

function beforeAbort(signal: AbortSignal, work: Promise<void>): Promise<void> {
  if (signal.aborted) {
    work.catch(() => {});
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });
    const settled = () => signal.removeEventListener('abort', aborted);
    work.then(
      () => {
        settled();
        resolve();
      },
      (thrown) => {
        settled();
        reject(thrown);
      },
    );
  });
}
