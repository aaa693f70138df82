import { defineEntity, p } from '@mikro-orm/postgresql';

const ServiceTokenSchema = defineEntity({
  name: 'ServiceToken',
  tableName: 'service_tokens',
  properties: {
    tokenId: p.uuid().primary(),
    prefix: p.string().columnType('text').unique(),
    secretHash: p.blob().lazy().hidden(),
    name: p.string().columnType('text'),
    roles: p.array(),
    agentId: p.string().columnType('text').nullable(),
    createTime: p.datetime(),
    updateTime: p.datetime(),
    expireTime: p.datetime().nullable(),
    revokeTime: p.datetime().nullable(),
    version: p.bigint('string'),
    // By the clock of the database, like every other question of time.
    state: p
      .enum(['live', 'expired', 'revoked'] as const)
      .formula((c) => `CASE WHEN ${c.revokeTime} IS NOT NULL THEN 'revoked' WHEN ${c.expireTime} <= docket_now() THEN 'expired' ELSE 'live' END`),
  },
});

/** A service token as it is kept: never the token itself, only its hash, which is not even loaded unless asked for. */
export class ServiceToken extends ServiceTokenSchema.class {}

ServiceTokenSchema.setClass(ServiceToken);
