import type { MessageInitShape } from '@bufbuild/protobuf';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { AssignmentStrategy } from '../../gen/ticketing/v1/assignment_policy_pb.ts';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import type { Ticket } from '../../gen/ticketing/v1/ticket_pb.ts';
import { type CreateTicketRequestSchema, TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import type { Service } from './service.ts';

/** Two groups that share nobody, in which people give tickets out by hand; and who works there. */
export interface TwoTeams {
  readonly admin: string;
  readonly service: string;
  readonly auditor: string;
  /** Supervises ONE, where ann and amy work. */
  readonly sue: string;
  /** Supervises TWO, where bea works. */
  readonly tom: string;
  readonly ann: string;
  readonly bea: string;
  readonly one: Group;
  readonly two: Group;
  /** Ann's, in ONE. */
  readonly hers: Ticket;
  /** With nobody, in ONE. */
  readonly waiting: Ticket;
  /** Bea's, in TWO. */
  readonly theirs: Ticket;
}

/** Makes them, by the public RPCs. Cara belongs to both groups. */
export async function makeTwoTeams(service: Service): Promise<TwoTeams> {
  const admin = await service.person('root', ['admin']);
  const program = await service.program({ name: 'intake', roles: ['service'] });
  const group = async (key: string, supervisor: string): Promise<Group> => {
    const made = await service.call(
      GroupService.method.createGroup,
      { group: { key, supervisorIds: [supervisor], assignmentPolicy: { strategy: AssignmentStrategy.MANUAL } } },
      admin,
    );
    return made.group as Group;
  };
  const [one, two] = [await group('ONE', 'sue'), await group('TWO', 'tom')];
  const agents = { ann: [one], amy: [one], bea: [two], cara: [one, two] };
  for (const [agentId, groups] of Object.entries(agents)) {
    await service.call(AgentService.method.createAgent, { agent: { agentId, groupIds: groups.map(({ groupId }) => groupId) } }, admin);
  }
  const ticket = async (request: MessageInitShape<typeof CreateTicketRequestSchema>): Promise<Ticket> => {
    const made = await service.call(TicketService.method.createTicket, request, program);
    return made.ticket as Ticket;
  };
  return {
    admin,
    service: program,
    auditor: await service.person('ines', ['auditor']),
    sue: await service.person('sue', ['supervisor']),
    tom: await service.person('tom', ['supervisor']),
    ann: await service.person('ann', ['agent']),
    bea: await service.person('bea', ['agent']),
    one,
    two,
    hers: await ticket({ groupId: one.groupId, userId: 1n, agentId: 'ann', title: 'hers' }),
    waiting: await ticket({ groupId: one.groupId, userId: 2n, title: 'waiting' }),
    theirs: await ticket({ groupId: two.groupId, userId: 3n, agentId: 'bea', title: 'theirs', externalReferences: [{ system: 'erp', id: '77' }] }),
  };
}
