import { create, type DescMethod, type DescService, getOption, hasOption, type Message } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { Role as ContractRole, permission } from '../../../gen/ticketing/v1/options_pb.ts';
import type { Context, Handlers, Role } from '../../foundation/context.ts';
import { type Access, type Call, type Endpoint, givesOne, takesStream } from './call.ts';

/** A service and the functions that answer it. */
export interface Route {
  readonly service: DescService;
  readonly handlers: Readonly<Record<string, AnyHandler>>;
  /** Who may call the methods; without it each method's permission option says so. */
  readonly access?: 'open' | 'token';
}

type AnyHandler = (input: never, ctx: Context) => unknown;

/** Ties handlers to their service; the compiler sees that none is missing and each has the right types. */
export function route<Service extends DescService>(service: Service, handlers: Handlers<Service>, access?: 'open' | 'token'): Route {
  const erased = handlers as unknown as Route['handlers'];
  return access ? { service, handlers: erased, access } : { service, handlers: erased };
}

const roles: Readonly<Record<number, Role>> = {
  [ContractRole.ADMIN]: 'admin',
  [ContractRole.SUPERVISOR]: 'supervisor',
  [ContractRole.AGENT]: 'agent',
  [ContractRole.SERVICE]: 'service',
  [ContractRole.AUDITOR]: 'auditor',
};

/**
 * The RPCs of all routes.
 * @throws Error when a method has no handler, or says nothing about who may call it: such a server must not start.
 */
export function endpointsOf(routes: readonly Route[]): Endpoint[] {
  return routes.flatMap((served) =>
    served.service.methods.map((method) => {
      const handler = served.handlers[method.localName];
      const rpc = `${served.service.typeName}/${method.name}`;
      if (!handler) throw new Error(`${rpc} has no handler`);
      const access = served.access ?? rolesOf(method, rpc);
      return { method, rpc, path: `/${rpc}`, access, mutates: mutates(method), handle: terminal(method, handler) };
    }),
  );
}

function rolesOf(method: DescMethod, rpc: string): Access {
  const named = hasOption(method, permission) ? getOption(method, permission).roles : [];
  const known = named.map((role) => roles[role]).filter((role) => role !== undefined);
  if (known.length === 0 || known.length !== named.length) {
    throw new Error(`${rpc} does not say who may call it: it needs the option (ticketing.v1.permission) with at least one role`);
  }
  return new Set(known);
}

function mutates(method: DescMethod): boolean {
  // Some reads look for a request id.
  if (method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return false;
  return method.idempotency === MethodOptions_IdempotencyLevel.IDEMPOTENT || 'requestId' in method.input.field;
}

/** The innermost layer: the handler, with its answers made into messages and sent. */
function terminal(method: DescMethod, handler: AnyHandler): (call: Call) => Promise<void> {
  if (givesOne(method)) {
    const answer = handler as unknown as (input: unknown, ctx: Context) => Promise<Message>;
    return async (call) => call.send(create(method.output, await answer(inputOf(call), given(call.context))));
  }
  const stream = handler as unknown as (input: unknown, ctx: Context) => AsyncIterable<Message>;
  return async (call) => {
    for await (const message of stream(inputOf(call), given(call.context))) {
      call.signal.throwIfAborted();
      await call.send(create(method.output, message));
    }
  };
}

/** The request, or the requests of a stream. */
const inputOf = (call: Call): unknown => (takesStream(call.endpoint.method) ? given(call.requests) : given(call.request));

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a layer before the handler did not do its part');
  return value;
}
