import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Caller, Intent } from '../context.ts';
import { newId } from '../ids.ts';
import type { SpanContext } from '../tracing.ts';
import type { CommandKind } from './command.ts';
import type { CommandQueue } from './queue.ts';

/** The part of a call that its changes are attributed to. */
export interface Asker {
  readonly caller: Pick<Caller, 'actor' | 'actorKind'>;
  readonly rpc: string;
  readonly intent: Intent | undefined;
  /** The span that it belongs to. */
  readonly trace?: SpanContext | undefined;
}

/** Hands a change to the queue under the name of the one who asked. */
export function submit<Input, Answer extends DescMessage>(
  queue: Pick<CommandQueue, 'submit'>,
  asker: Asker,
  kind: CommandKind<Input, Answer>,
  input: Input,
  signal?: AbortSignal,
): Promise<MessageShape<Answer>> {
  if (!asker.intent) throw new Error(`${asker.rpc} is declared as a read, yet it changes something`);
  const origin = { actor: asker.caller.actor, actorKind: asker.caller.actorKind, rpc: asker.rpc, intent: asker.intent };
  return queue.submit({ kind, input, origin, requestKey: newId(), trace: asker.trace }, signal);
}

/** A change that Docket makes by itself, in a job: never repeated by request id, since jobs are written to be run twice. */
export function submitJob<Input, Answer extends DescMessage>(
  queue: Pick<CommandQueue, 'submit'>,
  job: string,
  reason: string,
  kind: CommandKind<Input, Answer>,
  input: Input,
): Promise<MessageShape<Answer>> {
  const intent: Intent = { requestId: undefined, bodyHash: new Uint8Array(), validateOnly: false, reason };
  return submit(queue, { caller: { actor: 'system', actorKind: 'SYSTEM' }, rpc: `job/${job}`, intent }, kind, input);
}
