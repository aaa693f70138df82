import { ServiceToken } from './domain/access/index.ts';
import { Agent, AgentCounters } from './domain/agents/index.ts';
import { Group, Membership } from './domain/groups/index.ts';

/** Every table that units of work see as entities; the hot tables of the engine are written by hand. */
export const entities = [ServiceToken, Group, Membership, Agent, AgentCounters];
