import { userInfo } from 'node:os';
import type { EntityManager } from '@mikro-orm/postgresql';
import { isTimeZone } from '../../foundation/clock.ts';
import { withRequest } from '../../foundation/database/requests.ts';
import { sqlOf } from '../../foundation/database/sql.ts';

/**
 * Sets the time zone in which the deployment counts its business days, as an audited change. Pools that
 * are ahead of the new zone's day stay on theirs until it has caught up. Answers what to print.
 * Throws for a name that is no IANA time zone.
 */
export async function setBusinessZone(em: EntityManager, zone: string, reason = ''): Promise<string> {
  if (!isTimeZone(zone)) throw new Error(`${zone} is not a known IANA time zone, such as Europe/Lisbon`);
  return em.fork().transactional(async (tx) => {
    const sql = sqlOf(tx);
    await withRequest(sql, { actor: `cli:${userInfo().username}`, actorKind: 'USER', rpc: 'cli/business-zone set', reason });
    const [before] = await sql<{ business_time_zone: string }>('SELECT business_time_zone FROM settings FOR UPDATE');
    if (before?.business_time_zone !== zone) await sql('UPDATE settings SET business_time_zone = $1', [zone]);
    return `Business days are counted in ${zone}${before?.business_time_zone === zone ? ' already' : ` (before: ${before?.business_time_zone})`}.`;
  });
}

/** The time zone in which business days are counted. */
export async function showBusinessZone(em: EntityManager): Promise<string> {
  const [row] = await sqlOf(em)<{ business_time_zone: string }>('SELECT business_time_zone FROM settings');
  return `Business days are counted in ${row?.business_time_zone}.`;
}
