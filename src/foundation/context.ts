import type {
  DescMessage,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { CommandKind } from './commands/command.ts';
import type { Look } from './database/gathered-lookups.ts';
import type { Sql } from './database/sql.ts';

/** What a caller may be; the contract's method options say which roles an RPC is open to. */
export type Role = 'admin' | 'supervisor' | 'agent' | 'service' | 'auditor';

/** Whether a change was made by a person, by another program, or by Docket itself. */
export type ActorKind = 'USER' | 'SERVICE' | 'SYSTEM';

/** The authenticated party behind a call. */
export interface Caller {
  /** Stable name in the audit log: the token's subject, or the service token's id. */
  readonly actor: string;
  readonly actorKind: ActorKind;
  readonly roles: ReadonlySet<Role>;
  /** The agent this caller is, when he is one. */
  readonly agentId: string | undefined;
}

/** What a mutating request says about itself besides its own fields; undefined on reads. */
export interface Intent {
  /** The caller's UUID for this one intended change, or undefined when he gave none. */
  readonly requestId: string | undefined;
  /** SHA-256 over the method and the canonical form of the request. */
  readonly bodyHash: Uint8Array;
  readonly validateOnly: boolean;
  /** Free text kept in the audit log. */
  readonly reason: string;
}

/** Everything a handler knows about the call it serves. */
export interface Context {
  /** A fork for this call alone; its queries end with the call's signal. */
  readonly em: EntityManager;
  /** Hand-written SQL on the same fork. */
  readonly sql: Sql;
  readonly caller: Caller;
  /** Fully qualified method, for instance `ticketing.v1.TicketService/CreateTicket`. */
  readonly rpc: string;
  readonly intent: Intent | undefined;
  /** Whether only reads are answered: then a check that would keep something for later keeps nothing. */
  readonly readOnly: boolean;
  /** Aborted when the caller goes away or his deadline passes. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Looks one thing up together with what other calls ask for at the same moment; its statement does not end with the call. */
  gather<Input, Found>(look: Look<Input, Found>, input: Input): Promise<Found>;
  /**
   * Carries a change out through the command queue, attributed to this call: idempotent by its
   * request id, without effect when it is `validate_only`. Resolves after the commit. `content` is a hash of what further messages of a
   * stream brought: a repeat brings the same.
   */
  carryOut<Input, Answer extends DescMessage>(kind: CommandKind<Input, Answer>, input: Input, content?: Uint8Array): Promise<MessageShape<Answer>>;
}

/**
 * Handlers of one service, a function per method: from request and context to an answer; streams take or
 * give async iterables instead.
 */
export type Handlers<Service extends DescService> = {
  [Name in keyof Service['method']]: Handler<Service['method'][Name]>;
};

type Handler<Method> =
  Method extends DescMethodUnary<infer Input, infer Output>
    ? (request: MessageShape<Input>, ctx: Context) => Promise<MessageInitShape<Output>>
    : Method extends DescMethodServerStreaming<infer Input, infer Output>
      ? (request: MessageShape<Input>, ctx: Context) => AsyncIterable<MessageInitShape<Output>>
      : Method extends DescMethodClientStreaming<infer Input, infer Output>
        ? (requests: AsyncIterable<MessageShape<Input>>, ctx: Context) => Promise<MessageInitShape<Output>>
        : Method extends DescMethodBiDiStreaming<infer Input, infer Output>
          ? (requests: AsyncIterable<MessageShape<Input>>, ctx: Context) => AsyncIterable<MessageInitShape<Output>>
          : never;
