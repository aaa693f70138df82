import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { startTestEdge, type TestEdge, tokenOf } from '../support/edge/index.ts';

let edge: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge();
});
afterAll(() => edge.close());

type Question =
  | { case: 'listServices' | 'fileByFilename' | 'fileContainingSymbol' | 'allExtensionNumbersOfType'; value: string }
  | { case: 'fileContainingExtension'; value: { containingType: string; extensionNumber: number } };

const table = [
  ['v1 on the gRPC port', ServerReflection, () => `http://${edge.grpcAddress}`],
  ['v1 on the Connect port', ServerReflection, () => edge.url],
  ['v1alpha on the gRPC port', ServerReflectionAlpha as unknown as typeof ServerReflection, () => `http://${edge.grpcAddress}`],
  ['v1alpha on the Connect port', ServerReflectionAlpha as unknown as typeof ServerReflection, () => edge.url],
] as const;

describe.each(table)('reflection %s', (_name, service, baseUrl) => {
  const ask = async (messageRequest: Question, token = tokenOf('auditor')) => {
    async function* questions() {
      yield { messageRequest };
    }
    const client = createClient(service, createGrpcTransport({ baseUrl: baseUrl() }));
    for await (const answer of client.serverReflectionInfo(questions(), { headers: { authorization: token } })) return answer.messageResponse;
    throw new Error('no answer');
  };

  const filesOf = async (question: Question): Promise<string[]> => {
    const answer = await ask(question);
    if (answer.case !== 'fileDescriptorResponse') throw new Error(`unexpected ${answer.case}`);
    return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
  };

  it('it lists the services', async () => {
    const answer = await ask({ case: 'listServices', value: '' });
    const names = answer.case === 'listServicesResponse' ? answer.value.service.map(({ name }) => name) : [];
    expect(names).toEqual([
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
      'ticketing.v1.TicketService',
    ]);
  });

  it('it gives a file with all that it imports', async () => {
    const files = await filesOf({ case: 'fileByFilename', value: 'ticketing/v1/ticket_service.proto' });
    expect(files[0]).toBe('ticketing/v1/ticket_service.proto');
    expect(files).toEqual(
      expect.arrayContaining([
        'ticketing/v1/ticket.proto',
        'buf/validate/validate.proto',
        'google/api/field_behavior.proto',
        'google/protobuf/descriptor.proto',
      ]),
    );
  });

  it.each([
    ['ticketing.v1.TicketService', 'ticketing/v1/ticket_service.proto'],
    ['ticketing.v1.TicketService.CreateTicket', 'ticketing/v1/ticket_service.proto'],
    ['ticketing.v1.Ticket', 'ticketing/v1/ticket.proto'],
    ['ticketing.v1.Ticket.ticket_id', 'ticketing/v1/ticket.proto'],
    ['ticketing.v1.permission', 'ticketing/v1/options.proto'],
    ['ticketing.v1.ROLE_ADMIN', 'ticketing/v1/options.proto'],
    ['buf.validate.FieldRules', 'buf/validate/validate.proto'],
    ['grpc.health.v1.HealthCheckResponse.ServingStatus', 'grpc/health/v1/health.proto'],
  ])('it finds the file of %s', async (symbol, file) => {
    expect((await filesOf({ case: 'fileContainingSymbol', value: symbol }))[0]).toBe(file);
  });

  it('it finds extensions by their number', async () => {
    const numbers = await ask({ case: 'allExtensionNumbersOfType', value: 'google.protobuf.MethodOptions' });
    expect(numbers).toMatchObject({ case: 'allExtensionNumbersResponse', value: { extensionNumber: [50700] } });
    const question = { containingType: 'google.protobuf.MethodOptions', extensionNumber: 50700 };
    expect((await filesOf({ case: 'fileContainingExtension', value: question }))[0]).toBe('ticketing/v1/options.proto');
  });

  it.each<Question>([
    { case: 'fileByFilename', value: 'no/such.proto' },
    { case: 'fileContainingSymbol', value: 'no.such.Thing' },
    { case: 'allExtensionNumbersOfType', value: 'no.such.Thing' },
    { case: 'fileContainingExtension', value: { containingType: 'google.protobuf.MethodOptions', extensionNumber: 1 } },
  ])('it says NOT_FOUND of what is not there: $case', async (question) => {
    expect(await ask(question)).toMatchObject({ case: 'errorResponse', value: { errorCode: Code.NotFound } });
  });

  it('it tells nothing without a valid token', async () => {
    const error = ConnectError.from(await ask({ case: 'listServices', value: '' }, 'Bearer nonsense').catch((caught: unknown) => caught));
    expect(error.code).toBe(Code.Unauthenticated);
  });
});
