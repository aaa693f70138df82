import { create, type DescField, type DescMethodUnary, type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isNested, rulesOf } from '../../scripts/contract/rules.ts';
import { openapi } from '../../scripts/openapi.ts';
import { isRead, readContract } from '../contract/contract.ts';
import { makeRequests } from '../support/requests.ts';
import { rpcs, type Service, startService } from '../support/service.ts';
import { makeTwoTeams, type TwoTeams } from '../support/two-teams.ts';

const document = openapi(readContract());
const schemas = (document['components'] as { schemas: Record<string, JsonObject> }).schemas;
const methods = rpcs.filter((method): method is DescMethodUnary => method.methodKind === 'unary');

/** Judges by the schemas of the document; `closed` refuses fields that they do not name. */
function judgeWith(closed: boolean) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const own = Object.entries(schemas).map(([name, schema]) => [name, closed && schema['properties'] ? { ...schema, additionalProperties: false } : schema]);
  ajv.addSchema({ $id: 'docket', components: { schemas: Object.fromEntries(own) } });
  /** What is wrong with a value of this type. */
  return (type: string, value: JsonValue): string[] => {
    const judge = ajv.compile({ $ref: `docket#/components/schemas/${type}` });
    judge(value);
    return (judge.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
}

const faultsOf = judgeWith(false);
const faultsOfAnswer = judgeWith(true);

let service: Service;
let teams: TwoTeams;
const requests = new Map<string, JsonObject>();

beforeAll(async () => {
  service = await startService();
  teams = await makeTwoTeams(service);
  const given = await makeRequests(service, teams);
  for (const method of methods) {
    // As if it were done: so each finds things as they were.
    const whole = isRead(method) ? given[method.name] : { ...given[method.name], validateOnly: true };
    requests.set(method.name, toJson(method.input, create(method.input, whole)) as JsonObject);
  }
});
afterAll(() => service.close());

async function post(method: DescMethodUnary, body: JsonObject, token: string | undefined = teams.admin) {
  const headers = { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: token }) };
  const response = await fetch(`${service.url}/${method.parent.typeName}/${method.name}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, answer: (await response.json()) as JsonObject };
}

/** The HTTP statuses that the document names for an RPC, with what it says of each. */
function documented(method: DescMethodUnary): Record<string, { description: string }> {
  const paths = document['paths'] as Record<string, { post: { responses: Record<string, { description: string }> } }>;
  return paths[`/${method.parent.typeName}/${method.name}`]?.post.responses ?? {};
}

const reasonIn = (answer: JsonObject): JsonValue | undefined => {
  const details = (answer['details'] ?? []) as { type: string; debug?: JsonObject }[];
  return details.find(({ type }) => type === 'google.rpc.ErrorInfo')?.debug?.['reason'];
};

describe('the OpenAPI document', () => {
  it('is one, by the schema of OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect(result.valid ? [] : result.errors).toEqual([]);
  });

  it('would not pass for one without its version, or with a reference that leads nowhere', async () => {
    expect((await new Validator().validate({ ...structuredClone(document), info: { title: 'Docket' } })).valid).toBe(false);
    expect(() => faultsOf('ticketing.v1.Nothing', {})).toThrow(/resolve reference/);
  });

  it('has every unary RPC, and names those that it has not', () => {
    const paths = Object.keys(document['paths'] as object);
    expect(paths.toSorted()).toEqual(methods.map((method) => `/${method.parent.typeName}/${method.name}`).toSorted());
    const others = rpcs.filter((method) => method.methodKind !== 'unary').map(({ name }) => name);
    for (const name of others) expect(JSON.stringify(document['info'])).toContain(name);
  });
});

describe.each(methods)('$name', (method) => {
  it('takes what the document says, and answers what it says', async () => {
    const request = requests.get(method.name) ?? {};
    expect(faultsOf(method.input.typeName, request)).toEqual([]);
    const { status, answer } = await post(method, request);
    expect([status, answer['message']]).toEqual([200, undefined]);
    expect(faultsOfAnswer(method.output.typeName, answer)).toEqual([]);
  });

  it('refuses strangers as the document says', async () => {
    const { status, answer } = await post(method, requests.get(method.name) ?? {}, 'Bearer nonsense');
    expect(faultsOfAnswer('connect.Error', answer)).toEqual([]);
    expect(documented(method)[status]?.description).toContain(reasonIn(answer));
  });
});

const wrongs = methods.flatMap((method) => method.input.fields.flatMap((field) => wrongValues(field).map((value) => ({ method, field, value }))));

describe('a field that breaks its rule', () => {
  it('is there to be tried in great number', () => {
    expect(wrongs.length).toBeGreaterThan(100);
  });

  it.each(wrongs)('is refused by the document and by the service: $field $value', async ({ method, field, value }) => {
    const request = { ...requests.get(method.name), [field.jsonName]: value };
    expect(faultsOf(method.input.typeName, request)).not.toEqual([]);
    const { status, answer } = await post(method, request);
    expect([status, reasonIn(answer)]).toEqual([400, 'INVALID_FIELD']);
    expect(faultsOfAnswer('connect.Error', answer)).toEqual([]);
    expect(documented(method)[400]?.description).toContain('INVALID_FIELD');
  });
});

/** Values that the rules of a text, a number or a list do not allow. */
function wrongValues(field: DescField): JsonValue[] {
  const rules = rulesOf(field) ?? {};
  if (field.fieldKind === 'list') {
    const max = isNested(rules['repeated']) ? Number(rules['repeated']['max_items'] ?? 0) : 0;
    return max > 0 && field.listKind === 'scalar' ? [Array.from({ length: max + 1 }, (_, at) => `item-${at}`)] : [];
  }
  const [kind] = Object.values(rules).filter(isNested);
  if (field.fieldKind !== 'scalar' || !kind) return [];
  if ('string' in rules) {
    return [
      ...(kind['max_len'] === undefined ? [] : ['x'.repeat(Number(kind['max_len']) + 1)]),
      ...(kind['pattern'] === undefined && kind['uuid'] === undefined ? [] : ['no such thing!']),
      ...(kind['not_contains'] === undefined ? [] : ['a\0b']),
    ];
  }
  return kind['gt'] === undefined && kind['gte'] === undefined ? [] : [-1];
}
