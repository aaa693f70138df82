import { DomainError } from '../../foundation/errors.ts';

/** No such agent, or none that the caller may see. */
export class AgentNotFound extends DomainError {
  constructor(agentId: string) {
    super('not_found', 'AGENT_NOT_FOUND', `there is no agent ${agentId}`, { facts: { agent_id: agentId } });
  }
}

/** An agent has this id. */
export class AgentAlreadyExists extends DomainError {
  constructor(agentId: string) {
    super('already_exists', 'AGENT_ALREADY_EXISTS', `agent.agent_id: there is an agent ${agentId}`, { facts: { agent_id: agentId } });
  }
}

/** A deleted agent has this id; ids are never reused. */
export class AgentDeletedExists extends DomainError {
  constructor(agentId: string) {
    super('already_exists', 'AGENT_DELETED_EXISTS', `agent.agent_id: the agent ${agentId} is deleted; UndeleteAgent brings him back`, {
      facts: { agent_id: agentId },
    });
  }
}

/** The agent is deleted. */
export class AgentDeleted extends DomainError {
  constructor(agentId: string) {
    super('failed_precondition', 'AGENT_DELETED', `the agent ${agentId} is deleted`, { facts: { agent_id: agentId } });
  }
}

/** The agent to bring back is not deleted. */
export class AgentNotDeleted extends DomainError {
  constructor(agentId: string) {
    super('failed_precondition', 'AGENT_NOT_DELETED', `the agent ${agentId} is not deleted`, { facts: { agent_id: agentId } });
  }
}

/** The caller may see the agent, but not change him, or not in this way. */
export class AgentChangeDenied extends DomainError {
  constructor(agentId: string, rule: string) {
    super('permission_denied', 'PERMISSION_DENIED', `agent ${agentId}: ${rule}`, { facts: { agent_id: agentId } });
  }
}
