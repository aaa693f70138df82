export { Agent, AgentCounters, type AgentRow } from './entity.ts';
export { AgentAlreadyExists, AgentChangeDenied, AgentDeleted, AgentDeletedExists, AgentNotDeleted, AgentNotFound } from './errors.ts';
export {
  type AgentLimitsChanged,
  type AgentsBecameCandidates,
  type AgentsLeft,
  agentLimitsChanged,
  agentsBecameCandidates,
  agentsLeft,
  type DealtOut,
  type MembersJoined,
  type MembersRemoved,
  membersJoined,
  membersRemoved,
} from './events.ts';
export { endTimedAvailability, finishLeaving, finishRemovingMembers } from './jobs.ts';
export { type AgentVersion, findMetVersions } from './past.ts';
export { getVisibleAgent } from './reach.ts';
export { agentHandlers, membershipHandlers } from './rpc.ts';
