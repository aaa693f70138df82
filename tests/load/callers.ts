import { fromBinary } from '@bufbuild/protobuf';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { CreateGroupResponseSchema, GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { type Ticket, TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { BatchCreateTicketsResponseSchema, CreateTicketResponseSchema, TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import type { Ledger } from './ledger.ts';

const { createTicket, batchCreateTickets, updateTicket, reassignTickets } = TicketService.method;

/** Agents of the one pool whose candidates never change. */
const HOT_AGENTS = 10;
/** Agents that the other groups share. */
const SHARED_AGENTS = 16;

/** Where tickets go. */
export interface Floor {
  /** Its agents belong to it alone, and stay all day. */
  readonly hot: string;
  /** They share agents. */
  readonly shared: readonly string[];
  /** One of the shared, in which a user has one pending ticket at most. */
  readonly once: string;
  readonly sharedAgents: readonly string[];
}

/** What one caller believes of what he alone changes, to be compared with the database. */
export interface Beliefs {
  /** By ticket id; without the tickets of which he hung up on a change. */
  readonly tickets: Map<string, { readonly groupId: string; title: string; resolved: boolean }>;
  readonly availability: Map<string, Availability>;
  /** `group agent` → whether he is a member. */
  readonly members: Map<string, boolean>;
}

/** Makes the groups and agents. */
export async function furnish(ledger: Ledger): Promise<Floor> {
  const makeGroup = async (key: string): Promise<string> => {
    const answer = await ledger.ask(GroupService.method.createGroup, { group: { key, name: key } });
    const groupId = answer && fromBinary(CreateGroupResponseSchema, answer).group?.groupId;
    if (!groupId) throw new Error(`no group ${key}: ${ledger.faults.join('\n')}`);
    return groupId;
  };
  const hot = await makeGroup('HOT');
  const shared = [await makeGroup('KYC'), await makeGroup('RISK'), await makeGroup('ONCE')];
  const makeAgent = (agentId: string, groupIds: string[]) => ledger.ask(AgentService.method.createAgent, { agent: { agentId, groupIds } });
  const sharedAgents = Array.from({ length: SHARED_AGENTS }, (_, at) => `shared-${at}`);
  await Promise.all(Array.from({ length: HOT_AGENTS }, (_, at) => makeAgent(`hot-${at}`, [hot])));
  await Promise.all(sharedAgents.map((agentId, at) => makeAgent(agentId, [shared[at % 3] as string, shared[(at + 1) % 3] as string])));
  return { hot, shared, once: shared[2] as string, sharedAgents };
}

/** One caller at work until he is told to stop; what he began he ends. Answers what he believes. */
export async function work(ledger: Ledger, floor: Floor, caller: number, callers: number, isOver: () => boolean): Promise<Beliefs> {
  const beliefs: Beliefs = { tickets: new Map(), availability: new Map(), members: new Map() };
  // Whom he, and nobody else, sends away and moves.
  const own = floor.sharedAgents.filter((_, at) => at % callers === caller);
  const desk = new Desk(ledger, floor, beliefs, own);
  while (!isOver()) await desk.doSomething();
  return beliefs;
}

const dice = (bound: number): number => Math.floor(Math.random() * bound);
const pick = <T>(list: readonly T[]): T => list[dice(list.length)] as T;

class Desk {
  readonly #ledger: Ledger;
  readonly #floor: Floor;
  readonly #beliefs: Beliefs;
  readonly #own: readonly string[];

  constructor(ledger: Ledger, floor: Floor, beliefs: Beliefs, own: readonly string[]) {
    this.#ledger = ledger;
    this.#floor = floor;
    this.#beliefs = beliefs;
    this.#own = own;
  }

  async doSomething(): Promise<void> {
    const cast = dice(100);
    if (cast < 30) return this.#create(this.#floor.hot);
    if (cast < 42) return this.#create(pick(this.#floor.shared));
    if (cast < 46) return this.#createTwice();
    if (cast < 52) return this.#createBatch();
    if (cast < 56) return this.#hangUp();
    if (cast < 80) return this.#change('resolve');
    if (cast < 87) return this.#change('rename');
    if (cast < 92) return this.#reassign();
    if (cast < 96) return this.#sendAway();
    return this.#move();
  }

  #newTicket(groupId: string) {
    const mark = crypto.randomUUID();
    return {
      mark,
      request: {
        groupId,
        userId: BigInt(groupId === this.#floor.once ? dice(200) + 1 : dice(1_000_000) + 1),
        title: `title of ${mark}`,
        description: mark,
        uniquePerUser: groupId === this.#floor.once,
        // One in so many names something that another ticket may have named already.
        externalReferences: dice(4) === 0 ? [{ system: 'soak', id: dice(10) === 0 ? String(dice(50)) : mark, url: '' }] : [],
      },
    };
  }

  #believe(ticket: Ticket | undefined): void {
    if (ticket) this.#beliefs.tickets.set(ticket.ticketId, { groupId: ticket.groupId, title: ticket.title, resolved: false });
  }

  async #create(groupId: string): Promise<void> {
    const { mark, request } = this.#newTicket(groupId);
    const answer = await this.#ledger.ask(createTicket, request, { marks: [mark] });
    if (answer) this.#believe(fromBinary(CreateTicketResponseSchema, answer).ticket);
  }

  async #createTwice(): Promise<void> {
    const { mark, request } = this.#newTicket(this.#floor.hot);
    const answer = await this.#ledger.askTwice(createTicket, request, [mark]);
    if (answer) this.#believe(fromBinary(CreateTicketResponseSchema, answer).ticket);
  }

  async #createBatch(): Promise<void> {
    const tickets = Array.from({ length: 2 + dice(15) }, () => this.#newTicket(pick([this.#floor.hot, ...this.#floor.shared])));
    const answer = await this.#ledger.ask(batchCreateTickets, { requests: tickets.map(({ request }) => request) }, { marks: tickets.map(({ mark }) => mark) });
    if (answer) for (const ticket of fromBinary(BatchCreateTicketsResponseSchema, answer).tickets) this.#believe(ticket);
  }

  /** Begins something and does not wait for its end. */
  async #hangUp(): Promise<void> {
    const leaveAfterMs = dice(40);
    const ticketId = this.#pendingTicket();
    if (ticketId !== undefined && dice(2) === 0) {
      this.#beliefs.tickets.delete(ticketId);
      await this.#ledger.ask(updateTicket, { ticket: { ticketId, status: TicketStatus.CLOSED }, updateMask: { paths: ['status'] } }, { leaveAfterMs });
      return;
    }
    const tickets = Array.from({ length: 1 + dice(5) }, () => this.#newTicket(pick([this.#floor.hot, ...this.#floor.shared])));
    await this.#ledger.ask(batchCreateTickets, { requests: tickets.map(({ request }) => request) }, { marks: tickets.map(({ mark }) => mark), leaveAfterMs });
  }

  #pendingTicket(among = (_groupId: string): boolean => true): string | undefined {
    for (const [ticketId, { resolved, groupId }] of this.#beliefs.tickets) if (!resolved && among(groupId)) return ticketId;
    return undefined;
  }

  async #change(how: 'resolve' | 'rename'): Promise<void> {
    const ticketId = this.#pendingTicket();
    const believed = this.#beliefs.tickets.get(ticketId ?? '');
    if (ticketId === undefined || !believed) return this.#create(this.#floor.hot);
    const title = `renamed ${dice(1e9)}`;
    const request =
      how === 'resolve'
        ? { ticket: { ticketId, status: TicketStatus.RESOLVED }, updateMask: { paths: ['status'] } }
        : { ticket: { ticketId, title }, updateMask: { paths: ['title'] } };
    const answer = await this.#ledger.ask(updateTicket, request);
    if (!answer) this.#beliefs.tickets.delete(ticketId);
    else if (how === 'resolve') believed.resolved = true;
    else believed.title = title;
  }

  /** Never in the hot group: a deal does not heed the day's counts, so its spread would be no one's fault. */
  async #reassign(): Promise<void> {
    const ticketId = this.#pendingTicket((groupId) => groupId !== this.#floor.hot);
    if (ticketId !== undefined) await this.#ledger.ask(reassignTickets, { ticketIds: [ticketId] });
  }

  async #sendAway(): Promise<void> {
    const agentId = pick(this.#own);
    if (agentId === undefined) return;
    const availability = this.#beliefs.availability.get(agentId) === Availability.AWAY ? Availability.AVAILABLE : Availability.AWAY;
    const answer = await this.#ledger.ask(AgentService.method.setAvailability, { agentId, availability, reassignPending: dice(2) === 0 });
    if (answer) this.#beliefs.availability.set(agentId, availability);
  }

  async #move(): Promise<void> {
    const agentId = pick(this.#own);
    if (agentId === undefined) return;
    const groupId = pick(this.#floor.shared);
    const name = `${groupId} ${agentId}`;
    const joins = this.#beliefs.members.get(name) === false;
    const { addGroupMembers, removeGroupMembers } = GroupService.method;
    const request = { groupId, agentIds: [agentId] };
    const answer = await (joins ? this.#ledger.ask(addGroupMembers, request) : this.#ledger.ask(removeGroupMembers, request));
    if (answer) this.#beliefs.members.set(name, joins);
  }
}
