import type { MessageInitShape } from '@bufbuild/protobuf';
import { AssignmentStrategy } from '../../../gen/ticketing/v1/assignment_policy_pb.ts';
import type { GroupSchema } from '../../../gen/ticketing/v1/group_pb.ts';
import { toDuration, toTimestamp } from '../../foundation/clock.ts';
import { etagOf } from '../../foundation/etag.ts';
import type { GroupRow, Strategy } from './entity.ts';

const strategies: Readonly<Record<Strategy, AssignmentStrategy>> = {
  LEAST_ASSIGNED_TODAY: AssignmentStrategy.LEAST_ASSIGNED_TODAY,
  MANUAL: AssignmentStrategy.MANUAL,
  ROUND_ROBIN: AssignmentStrategy.ROUND_ROBIN,
  FEWEST_OPEN: AssignmentStrategy.FEWEST_OPEN,
  ASSIGNED_PER_HOUR_PRESENT: AssignmentStrategy.ASSIGNED_PER_HOUR_PRESENT,
  WEIGHTED: AssignmentStrategy.WEIGHTED,
};

/** A group as callers see it. */
export function toGroupMessage(group: GroupRow): MessageInitShape<typeof GroupSchema> {
  return {
    groupId: group.groupId,
    key: group.key,
    name: group.name,
    description: group.description,
    active: group.active,
    timeZone: group.timeZone,
    assignmentPolicy: {
      strategy: strategies[group.strategy],
      requiredSkills: group.requiredSkills,
      preferPreviousAgent: group.preferPreviousAgent,
      policyVersion: group.policyVersion,
      ...(group.catchUpLimit === null || group.catchUpLimit === undefined ? {} : { catchUpLimit: group.catchUpLimit }),
      ...(group.maxOpenPerAgent === null || group.maxOpenPerAgent === undefined ? {} : { maxOpenPerAgent: group.maxOpenPerAgent }),
      ...(group.skillRelaxationSeconds ? { skillRelaxation: toDuration(group.skillRelaxationSeconds * 1000) } : {}),
    },
    supervisorIds: group.supervisorIds,
    etag: etagOf(group.version),
    ...times(group),
  };
}

function times(group: GroupRow): Pick<MessageInitShape<typeof GroupSchema>, 'createTime' | 'updateTime' | 'deleteTime'> {
  const deleteTime = toTimestamp(group.deleteTime);
  return { createTime: toTimestamp(group.createTime), updateTime: toTimestamp(group.updateTime), ...(deleteTime ? { deleteTime } : {}) };
}

/** The strategy that a caller asked for; unspecified means the default. */
export function strategyOf(asked: AssignmentStrategy | undefined): Strategy {
  const [name] = (Object.keys(strategies) as Strategy[]).filter((strategy) => strategies[strategy] === asked);
  return name ?? 'LEAST_ASSIGNED_TODAY';
}
