// F0: an empty unary call, served by grpc-js and nothing else. Sends its port to the process that started it.
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { EMPTY_CALL } from '../load/subjects/empty-call.ts';

const asIs = (bytes: Buffer): Buffer => bytes;
const NOTHING = Buffer.alloc(0);

const server = new Server();
server.addService(
  {
    call: {
      path: EMPTY_CALL,
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  },
  { call: (_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => answer(null, NOTHING) },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.send?.({ port });
});
process.on('disconnect', () => process.exit(0));
