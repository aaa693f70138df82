import type { Call, Interceptor } from '../call.ts';
import { failureOf } from '../error-map.ts';

/**
 * Ends every failed call with an `RpcFailure`, and no other error, and ends it as soon as its signal is
 * aborted: a handler that does not heed the signal keeps nobody waiting, and what it says later is dropped.
 */
export const errors: Interceptor = async (call, next) => {
  try {
    await beforeAbort(call, next());
  } catch (thrown) {
    throw failureOf(thrown, call);
  }
};

function beforeAbort(call: Call, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    if (call.aborted) reject(call.aborted);
    else call.onAbort(reject);
    work.then(resolve, reject);
  });
}
