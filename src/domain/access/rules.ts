import { createHash, timingSafeEqual } from 'node:crypto';
import type { ActorKind, Caller, Role } from '../../foundation/context.ts';
import { InvalidField } from '../../foundation/errors.ts';
import { TokenInvalid } from './errors.ts';

/** Every role there is, the most powerful first. */
export const ROLES: readonly Role[] = ['admin', 'supervisor', 'agent', 'service', 'auditor'];

/** Whether the text is the exact name of a role. */
export function isRole(name: string): name is Role {
  return (ROLES as readonly string[]).includes(name);
}

/** What all service tokens begin with, so that people and scanners of leaked secrets know them. */
export const SERVICE_TOKEN_START = 'docket_';

const prefixLength = 8;
const secretLength = 43;
const serviceTokenPattern = new RegExp(`^${SERVICE_TOKEN_START}([0-9a-z]{${prefixLength}})_([0-9A-Za-z]{${secretLength}})$`);
const digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/**
 * Puts a service token together: `docket_<prefix>_<secret>`. The prefix (8 letters and digits) is
 * public and tells tokens apart in lists; the secret (43 letters and digits) holds 256 bits.
 * `pick(n)` must answer an unpredictable whole number from 0 to n − 1.
 */
export function composeServiceToken(pick: (choices: number) => number): { readonly prefix: string; readonly token: string } {
  const text = (length: number, choices: number) => Array.from({ length }, () => digits.charAt(pick(choices))).join('');
  const prefix = text(prefixLength, 36);
  return { prefix, token: `${SERVICE_TOKEN_START}${prefix}_${text(secretLength, digits.length)}` };
}

/** The public prefix of a well-formed service token; undefined for every other text. */
export function prefixOfServiceToken(token: string): string | undefined {
  return serviceTokenPattern.exec(token)?.[1];
}

/** What is stored of a service token: its SHA-256. The secret is random, so no salt or slow hash is needed. */
export function hashServiceToken(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

/** Whether the token has the stored hash; takes the same time whichever byte differs. */
export function isTokenOfHash(token: string, storedHash: Uint8Array): boolean {
  const hash = hashServiceToken(token);
  return hash.byteLength === storedHash.byteLength && timingSafeEqual(hash, storedHash);
}

const namePattern = /^[A-Za-z0-9._@+-]{1,64}$/;

/** Refuses a name that could not be read in the audit log: 1–64 letters, digits and `._@+-`. */
export function assertTokenName(name: string): void {
  if (!namePattern.test(name)) throw new InvalidField('name', 'must be 1 to 64 letters, digits or characters of ._@+-');
}

/** Refuses what cannot be the id of an agent: 1–64 letters, digits and `._@+-`. */
export function assertAgentId(agentId: string): void {
  if (!namePattern.test(agentId)) throw new InvalidField('agent_id', 'must be 1 to 64 letters, digits or characters of ._@+-');
}

/** The roles by these names, each once. Refuses an empty list and a name that is no role. */
export function assertRoles(names: readonly string[]): readonly Role[] {
  const unknown = names.find((name) => !isRole(name));
  if (unknown !== undefined) throw new InvalidField('roles', `${JSON.stringify(unknown)} is not a role; the roles are ${ROLES.join(', ')}`);
  if (names.length === 0) throw new InvalidField('roles', `at least one of ${ROLES.join(', ')} is needed`);
  return ROLES.filter((role) => names.includes(role));
}

const SERVICE_ACTOR = 'service:';

/** How a service token's name reads as actor. Tokens of one name are one caller, so that a token can be replaced. */
export function actorOfServiceToken(name: string): string {
  return `${SERVICE_ACTOR}${name}`;
}

/** The name of the service token that reads so as actor; undefined for other callers. */
export function nameOfActor(actor: string): string | undefined {
  return actor.startsWith(SERVICE_ACTOR) ? actor.slice(SERVICE_ACTOR.length) : undefined;
}

/** Which claims of a JSON Web Token say who the caller is. Dots lead into objects: `realm_access.roles`. */
export interface ClaimNames {
  readonly roles: string;
  readonly agentId: string;
}

/** What claims mean when nothing is configured. */
export const DEFAULT_CLAIM_NAMES: ClaimNames = { roles: 'roles', agentId: 'sub' };

const longestSubject = 200;

/**
 * The caller that verified claims speak of. His actor is `user:` and the subject, whatever the
 * subject is: nobody can take the name of a service token or of Docket itself. Names that are no
 * roles are passed over; a caller left without any is known, and permitted nothing. A subject that
 * could not stand in the audit log (empty, over 200 characters, control characters) is refused.
 */
export function callerOfClaims(claims: Readonly<Record<string, unknown>>, names: ClaimNames): Caller {
  const subject = claims['sub'];
  if (typeof subject !== 'string' || subject === '' || subject.length > longestSubject || /\p{C}/u.test(subject)) {
    throw new TokenInvalid(`the token's subject must be 1 to ${longestSubject} printable characters`);
  }
  const roles = new Set(namesIn(claimAt(claims, names.roles)).filter(isRole));
  const agentId = claimAt(claims, names.agentId);
  return {
    actor: `user:${subject}`,
    actorKind: kindOfRoles(roles),
    roles,
    agentId: typeof agentId === 'string' && namePattern.test(agentId) ? agentId : undefined,
  };
}

/** One who is a `service` and nothing else is a program; everybody else counts as a person. */
function kindOfRoles(roles: ReadonlySet<Role>): ActorKind {
  return roles.size === 1 && roles.has('service') ? 'SERVICE' : 'USER';
}

/** A claim by its whole name, else by the path that its dots describe; only what the token itself holds. */
function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  return path
    .split('.')
    .reduce<unknown>(
      (holder, name) => (typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name) ? (holder as Record<string, unknown>)[name] : undefined),
      claims,
    );
}

/** Role names come as a list, or in one text with blanks or commas between them. */
function namesIn(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return claim.split(/[\s,]+/);
  return Array.isArray(claim) ? claim.filter((name) => typeof name === 'string') : [];
}
