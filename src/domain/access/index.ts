export {
  type Author,
  createServiceToken,
  ensureFirstAdministrator,
  FIRST_ADMINISTRATOR,
  type FirstAdministratorToken,
  type MadeServiceToken,
  type NewServiceToken,
  revokeServiceToken,
} from './commands.ts';
export { ServiceToken } from './entity.ts';
export { IdentityProviderUnavailable, ServiceTokenAmbiguous, ServiceTokenNotFound, TokenExpired, TokenInvalid, TokenMissing } from './errors.ts';
export { findRolesOfService, listServiceTokens, type VerifiedServiceToken, verifyServiceToken } from './queries.ts';
export { actorOfServiceToken, type ClaimNames, callerOfClaims, DEFAULT_CLAIM_NAMES, isRole, ROLES, SERVICE_TOKEN_START } from './rules.ts';
