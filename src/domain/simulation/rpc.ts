import type { AssignmentService, SimulatePolicyRequest } from '../../../gen/ticketing/v1/assignment_service_pb.ts';
import type { SimulationEvent } from '../../../gen/ticketing/v1/simulation_event_pb.ts';
import type { SimulationSetup } from '../../../gen/ticketing/v1/simulation_pb.ts';
import type { Context, Handlers } from '../../foundation/context.ts';
import { InvalidField } from '../../foundation/errors.ts';
import { rehearseHistory } from './history/play.ts';
import { toResponse } from './message.ts';
import type { PlayResult } from './player.ts';
import { toPlay } from './setup.ts';
import { rehearse } from './stage.ts';
import type { ToldStep } from './steps.ts';
import { EventReader } from './told-events.ts';

/** The handlers of AssignmentService. */
export const assignmentHandlers: Handlers<typeof AssignmentService> = {
  async simulatePolicy(requests, ctx) {
    const messages = requests[Symbol.asyncIterator]();
    const first = await messages.next();
    const message = first.done ? undefined : first.value.message;
    if (message?.case !== 'setup') throw new InvalidField('setup', 'must be in the first message');
    const setup = message.value;
    if (setup.source.case === 'events') return toResponse(await rehearseEvents(setup, messages, ctx));
    await assertNoMore(messages);
    if (setup.source.case === 'history') return toResponse(await rehearseHistory(setup.source.value, setup, ctx));
    return toResponse(await rehearse(toPlay(setup, 0), NOTHING, ctx.signal));
  },
};

type Messages = AsyncIterator<SimulatePolicyRequest>;

const NOTHING: AsyncIterable<readonly ToldStep[]> = { async *[Symbol.asyncIterator]() {} };

async function rehearseEvents(setup: SimulationSetup, messages: Messages, ctx: Context): Promise<PlayResult> {
  const reader = new EventReader(setup.source.case === 'events' ? setup.source.value.roster : undefined);
  const batches = readEvents(messages);
  const first = await batches.next();
  if (first.done) throw new InvalidField('events', 'must follow the set-up');
  // What does not fit is told before a thread is started.
  const steps = reader.read(first.value);
  const play = toPlay(setup, steps[0]?.time ?? 0);
  async function* told(): AsyncGenerator<readonly ToldStep[]> {
    yield steps;
    for await (const events of batches) yield reader.read(events);
  }
  return rehearse(play, told(), ctx.signal);
}

async function* readEvents(messages: Messages): AsyncGenerator<readonly SimulationEvent[]> {
  for (let next = await messages.next(); !next.done; next = await messages.next()) {
    const { message } = next.value;
    if (message.case !== 'events') throw new InvalidField('setup', 'must be in the first message only');
    yield message.value.events;
  }
}

async function assertNoMore(messages: Messages): Promise<void> {
  const next = await messages.next();
  if (!next.done) throw new InvalidField(next.value.message.case ?? 'events', 'must not follow a set-up that brings its tickets along');
}
