import type { MessageInitShape } from '@bufbuild/protobuf';
import { AssignmentStrategy } from '../../../../gen/ticketing/v1/assignment_policy_pb.ts';
import type { SimulationScenarioSchema } from '../../../../gen/ticketing/v1/simulation_pb.ts';
import { CommandRefused } from '../running/failures.ts';

const LIMITS: Readonly<Record<string, 'catchUpLimit' | 'maxOpenPerAgent'>> = { catch_up_limit: 'catchUpLimit', max_open_per_agent: 'maxOpenPerAgent' };

/** The scenario of a policy as the command line writes it: `FEWEST_OPEN`, `LEAST_ASSIGNED_TODAY+catch_up_limit=0`, `ROUND_ROBIN+max_open_per_agent=5`. */
export function scenarioOf(text: string): MessageInitShape<typeof SimulationScenarioSchema> {
  const [strategy = '', ...limits] = text.split('+');
  const known = Object.keys(AssignmentStrategy).filter((name) => name !== 'UNSPECIFIED');
  if (!known.includes(strategy)) throw new CommandRefused(`${JSON.stringify(strategy)} is no strategy; there are ${known.join(', ')}`);
  const policy: { catchUpLimit?: number; maxOpenPerAgent?: number } = {};
  for (const limit of limits) {
    const [, name = '', value = ''] = /^([a-z_]+)=(\d+)$/.exec(limit) ?? [];
    const field = LIMITS[name];
    if (!field) throw new CommandRefused(`${JSON.stringify(limit)} is no limit; write catch_up_limit=0 or max_open_per_agent=5`);
    policy[field] = Number(value);
  }
  return {
    name: text.slice(0, 64),
    policies: [{ assignmentPolicy: { ...policy, strategy: AssignmentStrategy[strategy as keyof typeof AssignmentStrategy] } }],
  };
}
