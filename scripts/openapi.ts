import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DescMethod, JsonObject } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';
import { type Failure, failuresOf, reasonsOf, rolesOf } from './contract/failures.ts';
import { type Contract, readContract } from './contract/read.ts';
import { schemasOf } from './openapi-schemas.ts';

const root = join(import.meta.dirname, '..');

/** Where the document is. */
export const OPENAPI_FILE = join(root, 'docs/openapi.json');

/** The HTTP status that the Connect protocol gives each status of gRPC. */
const httpStatus: Readonly<Record<string, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** A failure as the Connect protocol writes it. */
const errorSchema: JsonObject = {
  type: 'object',
  description: 'A failure. Among its details is always a `google.rpc.ErrorInfo` with the reason, where it was the service that refused.',
  required: ['code'],
  properties: {
    code: { type: 'string', description: 'The status of gRPC in small letters.', enum: Object.keys(httpStatus).map(codeOf) },
    message: { type: 'string', description: 'For people. Go by the reason instead.' },
    details: {
      type: 'array',
      items: {
        type: 'object',
        required: ['type', 'value'],
        properties: {
          type: { type: 'string', description: '`google.rpc.ErrorInfo`, `google.rpc.BadRequest` or `google.rpc.RetryInfo`.' },
          value: { type: 'string', contentEncoding: 'base64', description: 'The detail in protobuf binary, without padding.' },
          debug: { type: 'object', description: 'The same in JSON.' },
        },
      },
    },
  },
};

/** The unary RPCs as JSON over HTTP, in OpenAPI 3.1. */
export function openapi(contract: Contract): JsonObject {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const unary = contract.methods.filter((method) => method.methodKind === 'unary');
  const streams = contract.methods.filter((method) => method.methodKind !== 'unary').map((method) => `${method.parent.name}/${method.name}`);
  const failures = failuresOf(contract);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Docket',
      version,
      description: `Docket over plain JSON: the Connect protocol, on the Connect port. Fields may also be written in snake_case, and enums as numbers. Absent means the default: answers leave out what is empty, 0 or false. Streams need a client of Connect or gRPC, and are not here: ${streams.join(', ')}.`,
    },
    servers: [{ url: 'http://127.0.0.1:8080' }],
    security: [{ token: [] }],
    tags: contract.services.map((service) => ({ name: service.name, description: contract.commentOf(service) })),
    paths: Object.fromEntries(unary.map((method) => [`/${method.parent.typeName}/${method.name}`, { post: operation(contract, method, failures) }])),
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A service token, or a JSON Web Token of the issuer that the service trusts.' },
      },
      parameters: {
        timeout: {
          name: 'Connect-Timeout-Ms',
          in: 'header',
          description: 'How long the caller waits, in milliseconds; at most 120,000.',
          schema: { type: 'integer', minimum: 0, maximum: 120_000 },
        },
      },
      schemas: {
        ...schemasOf(
          contract,
          unary.flatMap(({ input, output }) => [input, output]),
        ),
        'connect.Error': errorSchema,
      },
    },
  };
}

function operation(contract: Contract, method: DescMethod, failures: readonly Failure[]): JsonObject {
  const content = (name: string) => ({ 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } });
  const own = reasonsOf(contract, method);
  const changes = method.idempotency !== Idempotency.NO_SIDE_EFFECTS;
  const possible = failures.filter(({ reason, scope }) => own.includes(reason) || scope === 'any RPC' || (scope !== '' && changes));
  const statuses = [...new Set(possible.map(({ status }) => httpStatus[status] ?? 500))].toSorted((a, b) => a - b);
  return {
    tags: [method.parent.name],
    operationId: `${method.parent.name}_${method.name}`,
    summary: (contract.paragraphsOf(method)[0] ?? '').split(/(?<=\.) /)[0] ?? '',
    description: contract.paragraphsOf(method).join('\n\n'),
    'x-roles': rolesOf(method),
    parameters: [{ $ref: '#/components/parameters/timeout' }],
    requestBody: { required: true, content: content(method.input.typeName) },
    responses: {
      '200': { description: contract.commentOf(method.output), content: content(method.output.typeName) },
      ...Object.fromEntries(
        statuses.map((http) => {
          const reasons = possible.filter(({ status }) => httpStatus[status] === http).map(({ reason }) => reason);
          return [String(http), { description: reasons.join(', '), content: content('connect.Error') }];
        }),
      ),
    },
  };
}

function codeOf(status: string): string {
  return status === 'CANCELLED' ? 'canceled' : status.toLowerCase();
}

if (import.meta.main) writeFileSync(OPENAPI_FILE, `${JSON.stringify(openapi(readContract()), undefined, 1)}\n`);
