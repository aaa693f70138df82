import { create } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AssignmentStrategy } from '../../../gen/ticketing/v1/assignment_policy_pb.ts';
import { AssignmentService, SimulatePolicyRequestSchema, type SimulatePolicyResponse } from '../../../gen/ticketing/v1/assignment_service_pb.ts';
import { GroupService } from '../../../gen/ticketing/v1/group_service_pb.ts';
import { detailsOf, failureOf, streamGrpc } from '../../support/edge/clients.ts';
import { type Service, startService } from '../../support/service.ts';
import { at, events, lateDay, minutes, type Request, type Setup, setup, teamOf } from '../../support/simulated.ts';

const { simulatePolicy } = AssignmentService.method;

let service: Service;
let admin: string;

beforeAll(async () => {
  service = await startService();
  admin = await service.person('root', ['admin']);
});
afterAll(() => service?.close());

const simulate = (requests: Iterable<Request> | AsyncIterable<Request>, token: string = admin): Promise<SimulatePolicyResponse> =>
  streamGrpc(service.channel, simulatePolicy, requests, { token, deadlineMs: 60_000 });

/** The refusal of a rehearsal, as `reason field: rule`. */
async function refusal(...requests: Request[]): Promise<string> {
  const { reason, violations } = detailsOf(await failureOf(simulate(requests)));
  return [reason, ...violations.map(({ field, description }) => `${field}: ${description}`)].join(' ');
}

const assigned = (outcome: SimulatePolicyResponse['baseline']): Record<string, number> =>
  Object.fromEntries((outcome?.loads ?? []).map(({ agentId, assignedCount }) => [agentId, assignedCount]));

const byEvents = (scenarios: NonNullable<Setup['scenarios']> = []) => setup({ source: { case: 'events', value: { roster: teamOf('ann', 'bob') } }, scenarios });
const arrivals = (...clocks: string[]) =>
  events(
    clocks.map((clock, index) => ({
      eventTime: at(clock),
      event: { case: 'arrival', value: { ticketId: `at-${clock.replace(':', '.')}-${index}`, groupId: 'G' } },
    })),
  );

describe('SimulatePolicy over a described pattern', () => {
  it('shows that whoever comes late is flooded, unless he starts level with the others', async () => {
    const { baseline, scenarios } = await simulate([setup(lateDay(9.2))]);
    expect(baseline?.longestRun).toBe(26);
    expect(baseline?.longestRunAgentId).toBe('agent-9');
    expect(minutes(baseline?.untilHandled?.p95)).toBeGreaterThan(150);
    const [level] = scenarios;
    expect(level?.longestRun).toBeLessThanOrEqual(2);
    expect(minutes(level?.untilHandled?.p95)).toBeLessThan(0.7 * minutes(baseline?.untilHandled?.p95));
    expect(level?.difference?.longestRunChange).toBe((level?.longestRun ?? 0) - 26);
    expect(level?.loads.find(({ agentId }) => agentId === 'agent-9')?.assignedChange).toBeLessThan(-20);
  });

  it('gives the same answer to the same seed, and another to another', async () => {
    const again = lateDay(9.2);
    const other = lateDay(9.2);
    if (other.source?.case === 'pattern') Object.assign(other.source.value, { seed: 2 });
    const [first, second, third] = [await simulate([setup(lateDay(9.2))]), await simulate([setup(again)]), await simulate([setup(other)])];
    expect(second).toEqual(first);
    expect(third.baseline).not.toEqual(first.baseline);
  });
});

describe('SimulatePolicy over events', () => {
  it('gives each arrival to whom the policy picks, and tells what a scenario changes', async () => {
    const { baseline, scenarios, ticketCount } = await simulate([
      byEvents([{ name: 'by hand', policies: [{ groupId: 'G', assignmentPolicy: { strategy: AssignmentStrategy.MANUAL } }] }]),
      arrivals('9:00', '9:10'),
      arrivals('9:20', '9:30'),
    ]);
    expect(ticketCount).toBe(4);
    expect(assigned(baseline)).toEqual({ ann: 2, bob: 2 });
    expect(assigned(scenarios[0])).toEqual({ ann: 0, bob: 0 });
    expect(scenarios[0]?.untilAssigned?.neverCount).toBe(4);
    expect(scenarios[0]?.difference?.movedTicketCount).toBe(4);
  });

  it('lets tickets wait while nobody is there, and measures how long', async () => {
    const presence = (clock: string, present: boolean) => ({ eventTime: at(clock), event: { case: 'presence' as const, value: { agentId: 'ann', present } } });
    const { baseline } = await simulate([
      setup({ source: { case: 'events', value: { roster: { groups: [{ groupId: 'G' }], agents: [{ agentId: 'ann', groupIds: ['G'], away: true }] } } } }),
      arrivals('9:00', '9:10'),
      events([presence('9:30', true)]),
    ]);
    expect([minutes(baseline?.untilAssigned?.mean), minutes(baseline?.untilAssigned?.longest)]).toEqual([25, 30]);
    expect(baseline?.untilHandled).toBeUndefined();
  });

  it('answers alike over Connect and gRPC at the other port', async () => {
    const requests = async function* () {
      yield byEvents();
      yield arrivals('9:00', '9:10', '9:20');
    };
    const expected = await simulate(requests());
    for (const transport of [
      createConnectTransport({ baseUrl: service.url, httpVersion: '2' }),
      createConnectTransport({ baseUrl: service.url, httpVersion: '1.1' }),
      createGrpcTransport({ baseUrl: service.url }),
    ]) {
      const client = createClient(AssignmentService, transport);
      expect(await client.simulatePolicy(requests(), { headers: { authorization: admin } })).toEqual(expected);
    }
  });
});

describe('SimulatePolicy', () => {
  it('keeps nobody else waiting while it rehearses', async () => {
    const busy = lateDay(9);
    if (busy.source?.case === 'pattern') Object.assign(busy.source.value, { endTime: at('1000:00'), arrivals: [{ groupId: 'G', ticketsPerHour: 100 }] });
    let over = false;
    const rehearsal = simulate([setup(busy)]).finally(() => (over = true));
    let answered = 0;
    while (!over) {
      await service.call(GroupService.method.listGroups, {}, admin);
      answered += 1;
    }
    expect((await rehearsal).ticketCount).toBeGreaterThan(90_000);
    // One thread would have answered one call before it and one after it.
    expect(answered).toBeGreaterThan(20);
  });

  it('takes events by the hundred thousand', { timeout: 120_000 }, async () => {
    const many = function* (): Generator<Request> {
      yield byEvents();
      for (let batch = 0; batch < 100; batch++) {
        yield events(
          Array.from({ length: 1_000 }, (_, index) => ({
            eventTime: at(`0:0:${batch * 60 + index / 17}`),
            event: { case: 'arrival' as const, value: { ticketId: `t${batch}-${index}`, groupId: 'G' } },
          })),
        );
      }
    };
    const { ticketCount, baseline } = await streamGrpc(service.channel, simulatePolicy, many(), { token: admin, deadlineMs: 110_000 });
    expect(ticketCount).toBe(100_000);
    expect(assigned(baseline)).toEqual({ ann: 50_000, bob: 50_000 });
  });
});

describe('SimulatePolicy refuses', () => {
  it('INVALID_ARGUMENT: a stream that does not begin with a set-up', async () => {
    expect(await refusal(arrivals('9:00'))).toBe('INVALID_FIELD setup: must be in the first message');
    expect(await refusal()).toBe('INVALID_FIELD setup: must be in the first message');
    expect(await refusal({})).toBe('INVALID_FIELD : one of setup and events must be given');
  });

  it('INVALID_ARGUMENT: a second set-up, events nobody asked for, and no events where they are due', async () => {
    expect(await refusal(byEvents(), byEvents())).toBe('INVALID_FIELD setup: must be in the first message only');
    expect(await refusal(setup(lateDay(9)), arrivals('9:00'))).toBe('INVALID_FIELD events: must not follow a set-up that brings its tickets along');
    expect(await refusal(byEvents())).toBe('INVALID_FIELD events: must follow the set-up');
  });

  it('INVALID_ARGUMENT: a rule broken in any message of the stream', async () => {
    expect(await refusal(byEvents(), arrivals('9:00'), events([{ eventTime: at('9:01'), event: { case: 'end', value: { ticketId: 'no blanks' } } }]))).toMatch(
      /^INVALID_FIELD events.events\[0\].end.ticket_id: /,
    );
    expect(await refusal(byEvents(), events([]))).toMatch(/^INVALID_FIELD events.events: /);
  });

  it('INVALID_ARGUMENT: what is not there, or there twice', async () => {
    const end = { eventTime: at('9:10'), event: { case: 'end' as const, value: { ticketId: 'unknown' } } };
    const stranger = { eventTime: at('9:10'), event: { case: 'presence' as const, value: { agentId: 'zoe', present: true } } };
    const elsewhere = { eventTime: at('9:10'), event: { case: 'arrival' as const, value: { ticketId: 't2', groupId: 'H' } } };
    expect(await refusal(byEvents(), arrivals('9:00'), events([end]))).toBe('INVALID_FIELD events.events[0].end.ticket_id: unknown has not come yet');
    expect(await refusal(byEvents(), arrivals('9:00'), events([stranger]))).toBe('INVALID_FIELD events.events[0].presence.agent_id: zoe is not in the roster');
    expect(await refusal(byEvents(), arrivals('9:00'), events([elsewhere]))).toBe('INVALID_FIELD events.events[0].arrival.group_id: H is not in the roster');
    expect(await refusal(byEvents(), arrivals('9:00'), arrivals('9:00'))).toBe('INVALID_FIELD events.events[0].arrival.ticket_id: at-9.00-0 has come before');
    expect(await refusal(byEvents([{ name: 'a' }, { name: 'a' }]), arrivals('9:00'))).toBe('INVALID_FIELD setup.scenarios[1].name: a is named twice');
    expect(await refusal(byEvents([{ name: 'a', removedAgentIds: ['zoe'] }]), arrivals('9:00'))).toBe(
      'INVALID_FIELD setup.scenarios[0].removed_agent_ids[0]: zoe is not there',
    );
  });

  it('INVALID_ARGUMENT: events out of order', async () => {
    expect(await refusal(byEvents(), arrivals('9:00', '9:10'), arrivals('9:05'))).toBe(
      'INVALID_FIELD events.events[0].event_time: must not be earlier than that of the event before, or than the start',
    );
  });

  it('INVALID_ARGUMENT: times that are none', async () => {
    const timed = (seconds: bigint, nanos = 0) => events([{ eventTime: { seconds, nanos }, event: { case: 'end', value: { ticketId: 't' } } }]);
    const range = 'INVALID_FIELD events.events[0].event_time: must be from 1970 on and before the year 10000';
    expect(await refusal(byEvents(), timed(-1n))).toBe(range);
    expect(await refusal(byEvents(), timed(253_402_300_800n))).toBe(range);
    expect(await refusal(byEvents(), timed(1n, -5))).toBe('INVALID_FIELD events.events[0].event_time: must have nanos from 0 to 999,999,999');
  });

  it('INVALID_ARGUMENT: a pattern without a model of handling, and a zone that is none', async () => {
    const { handling: _, ...without } = lateDay(9);
    expect(await refusal(setup(without))).toBe('INVALID_FIELD setup.handling: must be given for a pattern');
    const odd = setup({ source: { case: 'events', value: { roster: teamOf('ann'), timeZone: 'Mars/Olympus' } } });
    expect(await refusal(odd, arrivals('9:00'))).toBe('TIME_ZONE_UNKNOWN setup.events.time_zone: Mars/Olympus is no IANA time zone');
  });

  it('INVALID_ARGUMENT: a policy that no group could have', async () => {
    const assignmentPolicy = { strategy: AssignmentStrategy.ROUND_ROBIN, catchUpLimit: 3 };
    expect(await refusal(byEvents([{ name: 'a', policies: [{ assignmentPolicy }] }]), arrivals('9:00'))).toMatch(
      /^INVALID_FIELD setup\.scenarios\[0\]\.policies\[0\]\.assignment_policy\.catch_up_limit: has no meaning under ROUND_ROBIN/,
    );
    const roster = { groups: [{ groupId: 'G', assignmentPolicy }] };
    expect(await refusal(setup({ source: { case: 'events', value: { roster } } }), arrivals('9:00'))).toMatch(
      /^INVALID_FIELD setup\.events\.roster\.groups\[0\]\.assignment_policy\.catch_up_limit: has no meaning under ROUND_ROBIN/,
    );
  });

  it('INVALID_ARGUMENT: history that has not begun, or whose range says two things', async () => {
    const history = (value: object) => setup({ source: { case: 'history', value: { groupIds: ['01a2011b-eb0b-7468-b121-be83a55454b0'], ...value } } });
    expect(await refusal(history({}))).toBe('INVALID_FIELD setup.history: exactly one of last_days and start_time must be given');
    expect(await refusal(history({ lastDays: 3, startTime: at('9:00') }))).toBe(
      'INVALID_FIELD setup.history: exactly one of last_days and start_time must be given',
    );
    expect(await refusal(history({ startTime: at('9:00'), endTime: at('8:00') }))).toBe('INVALID_FIELD setup.history: end_time must be later than start_time');
    const { group } = await service.call(GroupService.method.createGroup, { group: { key: 'YOUNG' } }, admin);
    const future = timestampFromDate(new Date(Date.now() + 3_600_000));
    expect(await refusal(history({ groupIds: [group?.groupId], startTime: future }))).toBe('INVALID_FIELD setup.history.start_time: must be in the past');
  });

  it('NOT_FOUND: the history of a group that is not there', async () => {
    const history = setup({ source: { case: 'history', value: { groupIds: ['01a2011b-eb0b-7468-b121-be83a55454b0'], lastDays: 1 } } });
    expect(await refusal(history)).toBe('GROUP_NOT_FOUND');
  });

  it('RESOURCE_EXHAUSTED: a message of more than 4 MiB, a pattern of more than a million tickets', async () => {
    const tooLarge = create(SimulatePolicyRequestSchema);
    tooLarge.$unknown = [{ no: 900, wireType: 2, data: new BinaryWriter().bytes(new Uint8Array(4 * 1024 * 1024)).finish() }];
    expect(detailsOf(await failureOf(simulate([tooLarge]))).reason).toBe('MESSAGE_TOO_LARGE');
    const endless = lateDay(9);
    if (endless.source?.case === 'pattern')
      Object.assign(endless.source.value, { endTime: at('2400:00'), arrivals: [{ groupId: 'G', ticketsPerHour: 100_000 }] });
    expect(await refusal(setup(endless))).toBe('SIMULATION_TOO_LARGE');
  });

  it('RESOURCE_EXHAUSTED: a third rehearsal beside two; DEADLINE_EXCEEDED and CANCELLED: those that are given up, which make room', async () => {
    const held = Promise.withResolvers<void>();
    const leaving = new AbortController();
    const hold = async function* (): AsyncGenerator<Request> {
      yield byEvents();
      yield arrivals('9:00');
      await held.promise;
    };
    const options = { token: admin };
    const first = failureOf(streamGrpc(service.channel, simulatePolicy, hold(), { ...options, signal: leaving.signal }));
    const second = failureOf(streamGrpc(service.channel, simulatePolicy, hold(), { ...options, deadlineMs: 6_000 }));
    const third = () => failureOf(simulate([byEvents(), arrivals('9:00')]).then(() => Promise.reject(new Error('answered'))));
    await vi.waitFor(async () => expect(detailsOf(await third())).toMatchObject({ reason: 'TOO_MANY_SIMULATIONS', retryDelayMs: 5_000 }), { timeout: 5_000 });
    leaving.abort();
    expect((await first).code).toBe(status.CANCELLED);
    expect((await second).code).toBe(status.DEADLINE_EXCEEDED);
    held.resolve();
    await vi.waitFor(async () => expect(await simulate([byEvents(), arrivals('9:00')])).toMatchObject({ ticketCount: 1 }), { timeout: 10_000 });
  });

  it('PERMISSION_DENIED: agents and services', async () => {
    for (const role of ['agent', 'service'] as const) {
      const failure = await failureOf(simulate([setup(lateDay(9))], await service.person('ann', [role])));
      expect(detailsOf(failure).reason).toBe('PERMISSION_DENIED');
    }
  });
});
