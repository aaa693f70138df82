import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ReassignmentReceiptSchema } from '../../../gen/ticketing/v1/reassignment_pb.ts';
import { compareIds } from '../assignment/index.ts';

/** Who received how many tickets, by agent id. */
export const receiptsOf = (received: ReadonlyMap<string, number>): MessageInitShape<typeof ReassignmentReceiptSchema>[] =>
  [...received].sort(([a], [b]) => compareIds(a, b)).map(([agentId, receivedCount]) => ({ agentId, receivedCount }));
