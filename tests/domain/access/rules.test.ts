import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callerOfClaims, DEFAULT_CLAIM_NAMES, ROLES, TokenInvalid } from '../../../src/domain/access/index.ts';
import { assertRoles, assertTokenName, composeServiceToken, hashServiceToken, isTokenOfHash, prefixOfServiceToken } from '../../../src/domain/access/rules.ts';

const compose = () => composeServiceToken((choices) => randomInt(choices));

describe('a service token', () => {
  it('shows its prefix and holds at least 256 random bits besides', () => {
    const { prefix, token } = compose();
    expect(token).toMatch(/^docket_[0-9a-z]{8}_[0-9A-Za-z]{43}$/);
    expect(token.split('_')[1]).toBe(prefix);
    expect(Math.log2(62) * 43).toBeGreaterThanOrEqual(256);
  });

  it('uses every letter and digit, and never repeats', () => {
    const tokens = Array.from({ length: 500 }, () => compose().token);
    expect(new Set(tokens).size).toBe(500);
    expect(new Set(tokens.flatMap((token) => [...token.slice(-43)])).size).toBe(62);
  });

  it('is recognised by its prefix only when it is whole', () => {
    const { prefix, token } = compose();
    expect(prefixOfServiceToken(token)).toBe(prefix);
    for (const wrong of [token.slice(0, -1), `${token}x`, `${token}\n`, token.toUpperCase(), token.replace('docket_', 'ducket_'), `x${token}`, '']) {
      expect(prefixOfServiceToken(wrong)).toBeUndefined();
    }
  });

  it('matches its own hash and no other', () => {
    const { token } = compose();
    expect(isTokenOfHash(token, hashServiceToken(token))).toBe(true);
    expect(isTokenOfHash(compose().token, hashServiceToken(token))).toBe(false);
    expect(isTokenOfHash(token, hashServiceToken(token).subarray(0, 31))).toBe(false);
    expect(isTokenOfHash(token, new Uint8Array())).toBe(false);
  });
});

describe('a name for a service token', () => {
  it('is refused when it could not be read in the audit log', () => {
    for (const name of ['', 'a b', 'a\n', 'x'.repeat(65), 'a:b', 'ü']) expect(() => assertTokenName(name)).toThrow('name: must be');
    for (const name of ['crm', 'billing@example.org', 'x'.repeat(64)]) expect(() => assertTokenName(name)).not.toThrow();
  });
});

describe('roles for a service token', () => {
  it('are known names, at least one, each once', () => {
    expect(assertRoles(['service', 'admin', 'service'])).toEqual(['admin', 'service']);
    expect(() => assertRoles([])).toThrow('at least one of admin, supervisor, agent, service, auditor');
    expect(() => assertRoles(['Admin'])).toThrow('"Admin" is not a role');
    expect(() => assertRoles(['toString'])).toThrow('is not a role');
  });
});

describe('the caller that claims speak of', () => {
  const callerOf = (claims: Record<string, unknown>, names = DEFAULT_CLAIM_NAMES) => callerOfClaims({ sub: 'ada', ...claims }, names);
  const rolesOf = (claims: Record<string, unknown>, roles: string) => [...callerOf(claims, { roles, agentId: 'sub' }).roles];

  it('is a person with his roles, who is an agent by his subject', () => {
    expect(callerOf({ roles: ['agent', 'supervisor'] })).toEqual({
      actor: 'user:ada',
      actorKind: 'USER',
      roles: new Set(['agent', 'supervisor']),
      agentId: 'ada',
    });
  });

  it('is a program when it may only do what programs do', () => {
    expect(callerOf({ roles: ['service'] }).actorKind).toBe('SERVICE');
    expect(callerOf({ roles: ['service', 'agent'] }).actorKind).toBe('USER');
  });

  it('has roles from a nested claim, from a claim with dots in its name, or from one text', () => {
    expect(rolesOf({ realm_access: { roles: ['admin'] } }, 'realm_access.roles')).toEqual(['admin']);
    expect(rolesOf({ 'https://example.org/roles': ['auditor'] }, 'https://example.org/roles')).toEqual(['auditor']);
    expect(rolesOf({ scope: 'openid agent, auditor' }, 'scope')).toEqual(['agent', 'auditor']);
  });

  it('has no role from a name that is none, however the claim looks', () => {
    for (const roles of [undefined, null, 7, {}, { admin: true }, [['admin']], ['ADMIN', 'root', '__proto__'], 'administrator', [null]]) {
      expect(callerOf({ roles }).roles.size).toBe(0);
    }
    expect(rolesOf({}, 'constructor.name')).toEqual([]);
    expect(rolesOf({ realm_access: null }, 'realm_access.roles')).toEqual([]);
  });

  it('is an agent by the claim that the configuration names, if that can be the id of one', () => {
    const names = { roles: 'roles', agentId: 'employee.number' };
    expect(callerOf({ employee: { number: 'E-17' } }, names).agentId).toBe('E-17');
    expect(callerOf({ employee: { number: 17 } }, names).agentId).toBeUndefined();
    expect(callerOf({ employee: { number: 'two words' } }, names).agentId).toBeUndefined();
    expect(callerOf({}, names).agentId).toBeUndefined();
    expect(callerOf({}, { roles: 'roles', agentId: 'constructor.name' }).agentId).toBeUndefined();
  });

  it('can take the name of no service token, of no database session and not of Docket itself', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom('system', 'service:crm', 'database:postgres', 'cli:root', 'user:bob'), fc.string()), (sub) => {
        let actor: string;
        try {
          actor = callerOf({ sub, roles: ['admin'] }).actor;
        } catch (refusal) {
          expect(refusal).toBeInstanceOf(TokenInvalid);
          return;
        }
        expect(actor).toBe(`user:${sub}`);
      }),
    );
  });

  it('is refused with a subject that could not stand in the audit log', () => {
    for (const sub of [undefined, '', 7, 'x'.repeat(201), 'nul\0', 'new\nline', 'half\ud800', '\u202egnihsif']) {
      expect(() => callerOf({ sub })).toThrow(TokenInvalid);
    }
  });

  it('never fails otherwise, whatever the claims are', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (claims, path) => {
        const { roles } = callerOf({ ...claims, sub: 'ada' }, { roles: path, agentId: path });
        expect([...roles].every((role) => ROLES.includes(role))).toBe(true);
      }),
    );
  });
});
