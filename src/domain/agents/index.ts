export { Agent, AgentCounters, type AgentRow } from './entity.ts';
export { AgentAlreadyExists, AgentChangeDenied, AgentDeleted, AgentDeletedExists, AgentNotDeleted, AgentNotFound } from './errors.ts';
export {
  type AgentLimitsChanged,
  agentLimitsChanged,
  type AgentsBecameCandidates,
  agentsBecameCandidates,
  type AgentsLeft,
  agentsLeft,
  type MembersJoined,
  membersJoined,
  type MembersRemoved,
  membersRemoved,
} from './events.ts';
export { endTimedAvailability, finishLeaving, finishRemovingMembers } from './jobs.ts';
export { agentHandlers, membershipHandlers } from './rpc.ts';
