import { hash } from 'node:crypto';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { CommandKind } from '../../../foundation/commands/command.ts';
import type { CommandQueue } from '../../../foundation/commands/queue.ts';
import { submit } from '../../../foundation/commands/submit.ts';
import type { Caller, Context, Intent } from '../../../foundation/context.ts';
import { GatheredLookups, type Look } from '../../../foundation/database/gathered-lookups.ts';
import { type Sql, sqlOf } from '../../../foundation/database/sql.ts';
import { tracedSql } from '../../../foundation/database/traced.ts';
import type { Writes } from '../../../foundation/database/writes.ts';
import type { SpanContext, Tracing } from '../../../foundation/tracing.ts';
import type { Call, Interceptor } from '../call.ts';

/** Whoever calls what is open to everybody. */
const stranger: Caller = { actor: 'anonymous', actorKind: 'SERVICE', roles: new Set(), agentId: undefined };

/** What contexts are made from. */
export interface ContextDeps {
  readonly orm: Pick<MikroORM, 'em'>;
  readonly queue: CommandQueue;
  readonly log: Logger;
  /** Whether anything may be written; always, if absent. */
  readonly writes?: Pick<Writes, 'closed'>;
  /** Undefined: no traces are made. */
  readonly tracing?: Tracing | undefined;
}

/** Gives the handler its context: a fork of the entity manager for this call alone, and all that was learnt before. */
export function makeContext(deps: ContextDeps): Interceptor {
  const lookups = new GatheredLookups((look) => look(sqlOf(deps.orm.em.fork())));
  return async (call, next) => {
    call.context = new CallContext(call, deps, lookups);
    return next();
  };
}

/** Forks and loggers are made when first asked for: many calls need neither. */
class CallContext implements Context {
  readonly caller: Caller;
  readonly rpc: string;
  readonly intent: Intent | undefined;
  readonly #call: Call;
  readonly #deps: ContextDeps;
  readonly #lookups: GatheredLookups;
  #em: EntityManager | undefined;
  #sql: Sql | undefined;
  #callLog: Logger | undefined;

  constructor(call: Call, deps: ContextDeps, lookups: GatheredLookups) {
    this.caller = call.caller ?? stranger;
    this.rpc = call.endpoint.rpc;
    this.intent = call.intent;
    this.#call = call;
    this.#deps = deps;
    this.#lookups = lookups;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get em(): EntityManager {
    this.#em ??= this.#deps.orm.em.fork({ signal: this.signal, inflightQueryAbortStrategy: 'cancel query' });
    return this.#em;
  }

  get sql(): Sql {
    this.#sql ??= this.#tracedSql(sqlOf(this.em, this.signal));
    return this.#sql;
  }

  get readOnly(): boolean {
    return this.#deps.writes?.closed !== undefined;
  }

  get trace(): SpanContext | undefined {
    return this.#call.span;
  }

  #tracedSql(sql: Sql): Sql {
    const { tracing } = this.#deps;
    return tracing && this.trace ? tracedSql(sql, tracing, this.trace) : sql;
  }

  get log(): Logger {
    this.#callLog ??= this.#deps.log.child({ rpc: this.rpc, actor: this.caller.actor, request_id: this.intent?.requestId });
    return this.#callLog;
  }

  gather<Input, Found>(look: Look<Input, Found>, input: Input): Promise<Found> {
    return this.#lookups.find(look, input);
  }

  carryOut<Input, Answer extends DescMessage>(kind: CommandKind<Input, Answer>, input: Input, content?: Uint8Array): Promise<MessageShape<Answer>> {
    if (!content || !this.intent) return submit(this.#deps.queue, this, kind, input, this.signal);
    const { caller, rpc, intent, trace } = this;
    const whole = { ...intent, bodyHash: hash('sha256', Buffer.concat([intent.bodyHash, content]), 'buffer') };
    return submit(this.#deps.queue, { caller, rpc, intent: whole, trace }, kind, input, this.signal);
  }
}
