import { getOption } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { type Client, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BadRequestSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { Role as ContractRole, permission } from '../../gen/ticketing/v1/options_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import type { Role } from '../../src/foundation/context.ts';
import { callGrpc, callGrpcBytes, connectClient, detailsOf, failureOf, grpcChannel, pathOf } from '../support/edge/clients.ts';
import { startTestEdge, type TestEdge, tokenOf } from '../support/edge/index.ts';
import { openStream } from '../support/edge/raw.ts';

const { createTicket } = TicketService.method;
const groupId = '0190b6a5-1111-7000-8000-000000000001';
const requestId = '0190b6a5-4444-7000-8000-00000000000a';
const roles: Readonly<Record<Role, ContractRole>> = {
  admin: ContractRole.ADMIN,
  supervisor: ContractRole.SUPERVISOR,
  agent: ContractRole.AGENT,
  service: ContractRole.SERVICE,
  auditor: ContractRole.AUDITOR,
};
const matrix = TicketService.methods.flatMap((method) =>
  (Object.keys(roles) as Role[]).map((role) => ({ method, role, allowed: getOption(method, permission).roles.some((named) => named === roles[role]) })),
);

let edge: TestEdge;
let channel: Client;
beforeAll(async () => {
  edge = await startTestEdge({ tickets: { createTicket: async ({ title }) => ({ ticket: { title } }) } });
  channel = grpcChannel(edge.grpcAddress);
});
afterAll(async () => {
  channel.close();
  await edge.close();
});

describe('who may call', () => {
  it.each(matrix)('$method.name by $role: $allowed', async ({ method, role, allowed }) => {
    // An empty request, which most methods refuse: permission must come before that.
    const error = (await callGrpcBytes(channel, pathOf(method), new Uint8Array(), { token: tokenOf(role) }).then(
      () => undefined,
      (caught: unknown) => caught,
    )) as { code: number } | undefined;
    if (allowed) expect(error?.code).not.toBe(status.PERMISSION_DENIED);
    else expect(error).toMatchObject({ code: status.PERMISSION_DENIED });
    if (!allowed) expect(detailsOf(error)).toMatchObject({ reason: 'PERMISSION_DENIED', facts: { rpc: pathOf(method).slice(1) } });
  });

  it.each([
    ['gRPC', () => edge.grpcPort, { 'content-type': 'application/grpc', te: 'trailers' }],
    ['Connect', () => edge.connectPort, { 'content-type': 'application/json' }],
  ])('it is decided before the request is read, by %s', async (_name, port, headers) => {
    const stream = await openStream(port(), pathOf(createTicket), { ...headers, authorization: tokenOf('auditor') });
    const answer = await stream.answer;
    expect(answer.trailers['grpc-status'] ?? String(answer.status)).toMatch(/^(7|403)$/);
    stream.close();
  });
});

describe('what may be asked', () => {
  it('it names every field that breaks a rule, as the contract spells it', async () => {
    const error = ConnectError.from(
      await failureOf(
        connectClient(edge.url, 'connect').createTicket(
          { groupId: 'none', userId: -1n, title: 'x'.repeat(201), labels: ['a', ''] },
          { headers: { authorization: tokenOf('service') } },
        ),
      ),
    );
    expect(error.code).toBe(Code.InvalidArgument);
    const fields = error.findDetails(BadRequestSchema)[0]?.fieldViolations.map(({ field }) => field);
    expect(fields).toEqual(['group_id', 'user_id', 'title', 'labels[1]']);
    expect(error.rawMessage).toMatch(/^group_id: .*\(and 3 more\)$/);
  });
});

describe('what is written down', () => {
  it('it logs one line for each call, with who, what, how long and under which request id', async () => {
    await callGrpc(channel, createTicket, { groupId, userId: 1n, title: 'logged', requestId }, { token: tokenOf('service') });
    await vi.waitFor(() => expect(edge.lines.filter((line) => line['request_id'] === requestId)).toHaveLength(1));
    expect(edge.lines.find((line) => line['request_id'] === requestId)).toMatchObject({
      rpc: 'ticketing.v1.TicketService/CreateTicket',
      code: 'OK',
      transport: 'grpc',
      actor: 'test-service',
      duration_ms: expect.any(Number),
    });
  });

  it('it logs no token', () => {
    expect(JSON.stringify(edge.lines)).not.toContain('Bearer');
  });
});
