import type { Commit, Report } from './history.ts';
import { isAutomatic, levelsTakenOff, obstacleTo } from './rules.ts';
import type { World, WorldGroup } from './world.ts';

/** A ticket began to wait in a group, or left its line, or both. */
export interface WaitingChange {
  /** Id of the audit entry that says so. */
  readonly entryId: number;
  readonly ticketId: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Since when it waits there, in microseconds since 1970; null where nobody says. */
  readonly since: number | null;
}

interface Line {
  /** Since when each waits, by ticket id. */
  readonly waiting: Map<string, number | null>;
  /** Heard of, but later than what the replay has come to. */
  readonly ahead: WaitingChange[];
  transactionId: string | undefined;
  told: boolean;
}

/**
 * Looks, between any two transactions that touch a group, whether a ticket waits there while an agent who is eligible at the
 * level of relaxation last put into effect has room. Within a pool the numbers of audit entries follow the order of commits, since they are
 * taken under its lock; so what comes before the first entry of a transaction was there before it.
 */
export class WaitingInVain {
  /** Times that a group in which something waited was looked at between two transactions. */
  looks = 0;
  readonly #world: World;
  readonly #report: Report;
  readonly #lines = new Map<string, Line>();

  constructor(world: World, report: Report) {
    this.#world = world;
    this.#report = report;
  }

  /** The next change of who waits; entry ids must rise. */
  hear(change: WaitingChange): void {
    for (const groupId of new Set([change.from, change.to])) if (groupId !== undefined) this.#line(groupId).ahead.push(change);
  }

  /** Before an event of a transaction changes a group: looks at it as the commit before left it. */
  before(groups: Iterable<WorldGroup>, commit: Commit): void {
    for (const group of groups) {
      const line = this.#line(group.groupId);
      if (line.transactionId === commit.transactionId) continue;
      line.transactionId = commit.transactionId;
      this.#look(group, line, commit.firstEntryId);
    }
  }

  /** After the last event. */
  end(): void {
    for (const [groupId, line] of this.#lines) this.#look(this.#world.group(groupId), line, Infinity);
  }

  #look(group: WorldGroup, line: Line, beforeEntryId: number): void {
    let reached = 0;
    for (const change of line.ahead) {
      if (change.entryId >= beforeEntryId) break;
      reached += 1;
      if (change.from === group.groupId) line.waiting.delete(change.ticketId);
      if (change.to === group.groupId) line.waiting.set(change.ticketId, change.since);
    }
    line.ahead.splice(0, reached);
    const ticketId = group.state?.skill_relaxation_seconds ? longestWaiting(line) : line.waiting.keys().next().value;
    if (ticketId === undefined || !isAutomatic(group)) {
      line.told = false;
      return;
    }
    this.looks += 1;
    // Whoever cannot take what has waited longest can take nothing else: it requires the least.
    const relaxed = levelsTakenOff(group, line.waiting.get(ticketId) ?? null, group.relaxedMicros);
    const idle = [...group.members.values()].find((agent) => obstacleTo(agent, group, relaxed) === undefined);
    if (idle && !line.told) {
      const when = beforeEntryId === Infinity ? 'at the end' : `when transaction ${line.transactionId} began (audit entry ${beforeEntryId})`;
      this.#report(
        'I10',
        `${when}, ${line.waiting.size} tickets waited in group ${group.groupId}, ${ticketId} among them, while agent ${idle.agentId} could have taken one`,
      );
    }
    // One mishap is told once, however long it lasts.
    line.told = idle !== undefined;
  }

  #line(groupId: string): Line {
    let line = this.#lines.get(groupId);
    if (!line) {
      line = { waiting: new Map(), ahead: [], transactionId: undefined, told: false };
      this.#lines.set(groupId, line);
    }
    return line;
  }
}

function longestWaiting(line: Line): string | undefined {
  let longest: string | undefined;
  let earliest = Infinity;
  for (const [ticketId, since] of line.waiting) {
    if (longest !== undefined && (since ?? Infinity) >= earliest) continue;
    longest = ticketId;
    earliest = since ?? Infinity;
  }
  return longest;
}
