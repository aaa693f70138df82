import { endFailed, readTraceParent, SpanKind, type Tracing } from '../../../foundation/tracing.ts';
import type { Interceptor } from '../call.ts';
import { codeName, RpcFailure } from '../error-map.ts';

/**
 * A span around the whole call, as the child of the one that the caller's `traceparent` names. It tells the method, the transport and how the call ended; not who called,
 * nor anything of what he sent.
 */
export function makeTrace(tracing: Tracing): Interceptor {
  return async (call, next) => {
    const { method, rpc } = call.endpoint;
    const attributes = { 'rpc.system': 'grpc', 'rpc.service': method.parent.typeName, 'rpc.method': method.name, 'docket.transport': call.transport };
    const span = tracing.begin(rpc, { kind: SpanKind.SERVER, parent: readTraceParent(call.header('traceparent')), attributes });
    call.span = span.spanContext();
    try {
      await next();
      span.setAttribute('rpc.grpc.status_code', 0);
      span.end();
    } catch (thrown) {
      if (thrown instanceof RpcFailure) {
        span.setAttribute('rpc.grpc.status_code', thrown.code);
        span.setAttribute('docket.reason', thrown.reason);
      }
      endFailed(span, thrown instanceof RpcFailure ? codeName(thrown.code) : 'UNKNOWN');
      throw thrown;
    }
  };
}
