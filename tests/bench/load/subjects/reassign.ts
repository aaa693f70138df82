import { create, type DescMessage, type DescMethodUnary, fromBinary, type MessageInitShape, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { OperationState } from '../../../../gen/ticketing/v1/operation_pb.ts';
import { OperationService } from '../../../../gen/ticketing/v1/operation_service_pb.ts';
import { TicketService } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { type ClientKind, openChannel } from '../channel.ts';
import type { Subject } from '../subject.ts';

/** Whose tickets are dealt out again. */
export interface ReassignParameters {
  readonly client: ClientKind;
  readonly ports: readonly number[];
  readonly token: string;
  readonly groupIds: readonly string[];
  readonly title: string;
  /** How many there are. */
  readonly tickets: number;
}

/** Has all of them dealt out by an operation, and waits until it has ended. */
export async function openReassign({ client, ports, token, groupIds, title, tickets }: ReassignParameters): Promise<Subject> {
  const channel = openChannel(client, ports[0] as number, token);
  const call = async <I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>, request: MessageInitShape<I>): Promise<MessageShape<O>> => {
    const bytes = Buffer.from(toBinary(method.input, create(method.input, request)));
    return fromBinary(method.output, await channel.unary(`/${method.parent.typeName}/${method.name}`, bytes));
  };
  return {
    async call() {
      const filter = `group_id == "${groupIds[0]}" && title == "${title}"`;
      const { operationId } = await call(TicketService.method.reassignTickets, { filter });
      for (;;) {
        const { operation } = await call(OperationService.method.waitOperation, { operationId });
        if (operation?.state === OperationState.RUNNING || operation?.state === OperationState.PAUSED) continue;
        if (operation?.state !== OperationState.SUCCEEDED || operation.changedCount !== BigInt(tickets))
          throw new Error(`the operation ended in state ${operation?.state}: ${operation?.changedCount} of ${operation?.totalCount} were changed`);
        return 0;
      }
    },
    async close() {
      channel.close();
    },
  };
}
