import { DomainError } from '../../../foundation/errors.ts';
import type { Interceptor } from '../call.ts';

/**
 * Lets pass who holds one of the roles that the RPC's permission option names; what each may then see and
 * change is for the domain to say. PERMISSION_DENIED otherwise.
 */
export const authorize: Interceptor = async (call, next) => {
  const { access, rpc } = call.endpoint;
  if (access === 'open') return next();
  const { caller } = call;
  if (!caller) throw new Error('a call reached authorize without a caller');
  if (access === 'token') return next();
  for (const role of caller.roles) if (access.has(role)) return next();
  throw new DomainError('permission_denied', 'PERMISSION_DENIED', `this call is open to ${[...access].join(', ')} only`, {
    facts: { rpc, needs: [...access].join(',') },
  });
};
