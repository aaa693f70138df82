import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, type DescMethodUnary, getOption } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { permission, Role } from '../../gen/ticketing/v1/options_pb.ts';
import { type Fields, makeRequests } from '../support/requests.ts';
import { outcomeOf, rpcs, type Service, startService } from '../support/service.ts';
import { makeTwoTeams } from '../support/two-teams.ts';
import { isRead } from './contract.ts';

// Every RPC × every kind of caller, over a socket. Whether a role may call at all is read from the method's
// option; what the four callers with limits then meet is read from a table: `ok`, `empty` (a list that
// shows nothing), or the reason of the refusal. The requests are about things of group ONE.
type Limited = 'supervisor' | 'supervisor elsewhere' | 'agent' | 'agent elsewhere';
const table = JSON.parse(readFileSync(join(import.meta.dirname, '../tables/permissions.json'), 'utf8')) as Record<string, Partial<Record<Limited, string>>>;

const limited: Readonly<Record<Limited, Role>> = {
  supervisor: Role.SUPERVISOR,
  'supervisor elsewhere': Role.SUPERVISOR,
  agent: Role.AGENT,
  'agent elsewhere': Role.AGENT,
};
const unlimited: Readonly<Record<string, Role>> = { admin: Role.ADMIN, service: Role.SERVICE, auditor: Role.AUDITOR };
const strangers: Readonly<Record<string, string>> = {
  'one without roles': 'PERMISSION_DENIED',
  'one without a token': 'TOKEN_MISSING',
  'one with a revoked token': 'TOKEN_INVALID',
  'one with an expired token': 'TOKEN_EXPIRED',
};

let service: Service;
let requests: Readonly<Record<string, Fields>>;
const tokens: Record<string, string | undefined> = {};

beforeAll(async () => {
  service = await startService();
  const teams = await makeTwoTeams(service);
  requests = await makeRequests(service, teams);
  Object.assign(tokens, {
    admin: teams.admin,
    supervisor: teams.sue,
    'supervisor elsewhere': teams.tom,
    agent: teams.ann,
    'agent elsewhere': teams.bea,
    service: teams.service,
    auditor: teams.auditor,
    'one without roles': await service.person('nobody', []),
    'one without a token': undefined,
    'one with a revoked token': await service.program({ name: 'revoked', roles: ['admin'] }, true),
    'one with an expired token': await service.person('root', ['admin'], -3_600),
  });
});
afterAll(() => service?.close());

const rolesOf = (rpc: DescMethodUnary): readonly Role[] => getOption(rpc, permission).roles;

function expectedOf(rpc: DescMethodUnary, caller: string): string {
  if (strangers[caller]) return strangers[caller];
  const role = unlimited[caller] ?? limited[caller as Limited];
  if (!rolesOf(rpc).includes(role)) return 'PERMISSION_DENIED';
  return unlimited[caller] ? 'ok' : (table[rpc.name]?.[caller as Limited] ?? 'not in the table');
}

/** Calls for real where a refusal is due, so that a wrong success shows; where success is due, changes are only checked. */
async function meet(rpc: DescMethodUnary, caller: string, expected: string): Promise<string> {
  const fields = { ...requests[rpc.name], ...(isRead(rpc) || expected !== 'ok' ? {} : { validateOnly: true }) };
  let answer: Record<string, unknown> = {};
  const outcome = await outcomeOf(service.call(rpc, create(rpc.input, fields), tokens[caller]).then((given) => (answer = given)));
  const list = Object.values(answer).find((value) => Array.isArray(value)) as unknown[] | undefined;
  return outcome === 'ok' && rpc.name.startsWith('List') && list?.length === 0 ? 'empty' : outcome;
}

describe('the permission matrix', () => {
  const methods = rpcs as readonly DescMethodUnary[];
  const callers = [...Object.keys(unlimited), ...Object.keys(limited), ...Object.keys(strangers)];

  it('has a row for every RPC and a field for every limited caller whom the RPC is open to', () => {
    expect(Object.keys(table).sort()).toEqual(methods.map((rpc) => rpc.name).sort());
    expect(Object.keys(requests).sort()).toEqual(Object.keys(table).sort());
    for (const rpc of methods) {
      const open = (Object.keys(limited) as Limited[]).filter((caller) => rolesOf(rpc).includes(limited[caller]));
      expect(Object.keys(table[rpc.name] ?? {}).sort(), rpc.name).toEqual(open.sort());
    }
  });

  it.each(methods.map((rpc) => [rpc.name, rpc] as const))('holds for %s', async (_, rpc) => {
    const before = await service.checksums();
    const met: Record<string, string> = {};
    const expected: Record<string, string> = {};
    for (const caller of callers) {
      expected[caller] = expectedOf(rpc, caller);
      met[caller] = await meet(rpc, caller, expected[caller]);
    }
    expect(met).toEqual(expected);
    expect(await service.checksums()).toEqual(before);
  });
});
