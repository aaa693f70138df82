import { type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { FieldBehavior } from '../../gen/google/api/field_behavior_pb.ts';
import { permission, Role } from '../../gen/ticketing/v1/options_pb.ts';
import { behavioursOf, fieldOf, isRead, readContract, rulesOf } from './contract.ts';

const contract = readContract();
const mutations = contract.methods.filter((method) => !isRead(method));
const rolesOf = (method: DescMethod): Role[] => getOption(method, permission).roles;
const nameOf = (method: DescMethod): string => method.name;

/** As in buf.yaml. */
const STREAMS: Readonly<Record<string, string>> = {
  SimulatePolicy: 'client_streaming',
  VerifyAuditLog: 'server_streaming',
  ExportAuditLog: 'server_streaming',
  ExportList: 'server_streaming',
  ExportAuditEntries: 'server_streaming',
  ImportTickets: 'client_streaming',
  ExportImportFailures: 'server_streaming',
};

describe('an RPC', () => {
  it.each(contract.methods)('$name has a request and a response of its own, and no streams but where the reason is on record', (method) => {
    expect(method.methodKind).toBe(STREAMS[method.name] ?? 'unary');
    expect(method.input.name).toBe(`${method.name}Request`);
    expect(method.output.name).toBe(`${method.name}Response`);
    expect(contract.methods.filter((other) => other.input === method.input || other.output === method.output)).toEqual([method]);
  });

  it.each(contract.methods)('$name says whether repeating it is harmless', (method) => {
    expect(method.idempotency).toBe(isRead(method) ? Idempotency.NO_SIDE_EFFECTS : Idempotency.IDEMPOTENT);
  });

  it.each(contract.methods)('$name says in its options who may call it', (method) => {
    expect(hasOption(method, permission)).toBe(true);
    const roles = rolesOf(method);
    expect(roles).toContain(Role.ADMIN);
    const known: Role[] = Object.values(Role).filter((role) => role !== Role.UNSPECIFIED);
    expect(roles.filter((role) => !known.includes(role))).toEqual([]);
    expect(new Set(roles).size).toBe(roles.length);
  });

  it('is documented with what it does, its permission and its failures', () => {
    for (const method of contract.methods) {
      expect(contract.commentOf(method), nameOf(method)).toMatch(/^[A-Z].+\. Permission: .+\. Fails with: [A-Z_, ]+\.$/);
    }
  });
});

describe('the permissions', () => {
  const namesWith = (role: Role, methods: readonly DescMethod[]) => methods.filter((each) => rolesOf(each).includes(role)).map(nameOf);

  it('let everybody read everything but the audit log, and leave rehearsals to those who decide or check', () => {
    const everybody = [Role.ADMIN, Role.SUPERVISOR, Role.AGENT, Role.SERVICE, Role.AUDITOR];
    for (const method of contract.methods.filter(isRead)) {
      const few: Readonly<Record<string, Role[]>> = {
        AuditService: [Role.ADMIN, Role.AUDITOR],
        AssignmentService: [Role.ADMIN, Role.SUPERVISOR, Role.AUDITOR],
        ExportAuditEntries: [Role.ADMIN, Role.AUDITOR],
      };
      const allowed = few[method.name] ?? few[method.parent.name] ?? everybody;
      expect(rolesOf(method).toSorted(), nameOf(method)).toEqual(allowed);
    }
  });

  it('let auditors change nothing', () => {
    expect(namesWith(Role.AUDITOR, mutations)).toEqual([]);
  });

  it('let agents change tickets and their availability only', () => {
    expect(namesWith(Role.AGENT, mutations).toSorted()).toEqual(['RestoreTicket', 'SetAvailability', 'UpdateTicket']);
  });

  it('let services create tickets, report outcomes and stop what they began only', () => {
    expect(namesWith(Role.SERVICE, mutations).toSorted()).toEqual([
      'BatchCreateTickets',
      'BulkUpdateTickets',
      'CancelOperation',
      'CreateTicket',
      'ImportTickets',
      'RestoreTicket',
      'UpdateTicket',
    ]);
  });

  it('keep groups and deletions from supervisors', () => {
    const refused = mutations.filter((each) => !rolesOf(each).includes(Role.SUPERVISOR)).map(nameOf);
    expect(refused.toSorted()).toEqual(['CreateGroup', 'DeleteAgent', 'DeleteGroup', 'RedactTicket', 'UndeleteAgent', 'UndeleteGroup']);
  });
});

describe('a mutation', () => {
  it.each(mutations)('$name takes a request id, a dry run and a reason, under the same numbers', ({ input }) => {
    const requestId = fieldOf(input, 'request_id');
    expect([requestId?.number, requestId && rulesOf(requestId)?.type.case]).toEqual([100, 'string']);
    expect(requestId && rulesOf(requestId)?.type.value).toMatchObject({ wellKnown: { case: 'uuid', value: true } });
    const validateOnly = fieldOf(input, 'validate_only');
    expect([validateOnly?.number, validateOnly?.fieldKind === 'scalar' && validateOnly.scalar]).toEqual([101, 8]);
    const reason = fieldOf(input, 'reason');
    expect(reason?.number).toBe(102);
    expect(reason && rulesOf(reason)?.type.value).toMatchObject({ maxLen: 1000n });
  });

  it('alone takes them', () => {
    for (const { name, input } of contract.methods.filter(isRead)) {
      const filters = name === 'ListAuditEntries' ? ['request_id'] : [];
      expect(
        input.fields.map((each) => each.name).filter((each) => ['request_id', 'validate_only', 'reason'].includes(each)),
        name,
      ).toEqual(filters);
    }
  });

  it('of one existing thing takes its etag', () => {
    const ofNone = /^(Create|Batch|Bulk|Reassign|Import)/;
    for (const { name, input } of mutations.filter((each) => !ofNone.test(each.name))) {
      const own = fieldOf(input, 'etag');
      const inResource = input.fields.some((each) => each.message && fieldOf(each.message, 'etag'));
      expect(own === undefined ? inResource : own.number === 103, name).toBe(true);
    }
  });
});

describe('an update', () => {
  const updates = mutations.filter((each) => fieldOf(each.input, 'update_mask'));

  it('exists for tickets, many tickets, agents and groups', () => {
    expect(updates.map(nameOf).toSorted()).toEqual(['BulkUpdateTickets', 'UpdateAgent', 'UpdateGroup', 'UpdateTicket']);
  });

  it.each(updates)('$name takes in its mask every writable field and no other, and lists them in words', ({ input }) => {
    const mask = fieldOf(input, 'update_mask');
    const resource = input.fields.find((each) => each.message?.file.proto.package === 'ticketing.v1')?.message;
    const rules = mask && rulesOf(mask)?.type;
    const named = rules?.case === 'fieldMask' ? rules.value.in : [];
    const writable =
      resource?.fields.filter((each) => behavioursOf(each).includes(FieldBehavior.OPTIONAL) && each.name !== 'etag').map((each) => each.name) ?? [];
    expect(named.toSorted()).toEqual(['*', ...writable].toSorted());
    for (const each of named) expect(mask && contract.commentOf(mask)).toContain(`\`${each}\``);
  });
});

describe('a list', () => {
  const lists = contract.methods.filter((each) => each.name.startsWith('List'));

  it.each(lists)('$name is paged like every other', ({ input, output }) => {
    const size = fieldOf(input, 'page_size');
    const token = fieldOf(input, 'page_token');
    expect([size?.number, token?.number, fieldOf(output, 'next_page_token')?.number]).toEqual([50, 51, 2]);
    expect(size && rulesOf(size)?.type.value).toMatchObject({ greaterThan: { case: 'gte', value: 0 } });
    expect(token && rulesOf(token)?.type.value).toMatchObject({ maxLen: 4096n });
    expect(output.fields.filter((each) => each.fieldKind === 'list').map((each) => each.number)).toEqual([1]);
  });

  it.each(lists)('$name is exported as a file, to nobody who may not call it', (method) => {
    const exports = contract.methods.filter(
      ({ parent, input }) => parent.name === 'FileService' && input.fields.some(({ message }) => message === method.input),
    );
    expect(exports).toHaveLength(1);
    for (const each of exports) expect(rolesOf(method)).toEqual(expect.arrayContaining(rolesOf(each)));
  });

  it('bounds its filter and its order alike everywhere', () => {
    const bounds = { filter: 4096n, order_by: 256n };
    for (const { name, input } of contract.methods) {
      for (const [field, maxLen] of Object.entries(bounds)) {
        const found = fieldOf(input, field);
        if (found) expect(rulesOf(found)?.type.value, `${name}.${field}`).toMatchObject({ maxLen });
      }
    }
  });
});
