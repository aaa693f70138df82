import type { DecisionRecord, RoundView } from '../assignment/index.ts';

type Standing = RoundView['standings'][number];

/** A decision in a few plain sentences: what led to it, what set the winner apart, who was left out. */
export function summarise(key: string, decision: DecisionRecord): string {
  const { agentId, round } = decision;
  const opening = OPENINGS[decision.kind](key, agentId, decision.previousAgentId);
  if (!round) return opening;
  const others = round.leftOut.length === 0 ? 'No member of the group was left out.' : `Left out: ${listLeftOut(round.leftOut)}.`;
  const waited = round.relaxedLevels > 0 ? `${relaxationInWords('had', round.relaxedLevels)} ` : '';
  return `${opening} ${waited}${becauseOf(decision, round)} ${others}`;
}

/** What waiting has done to the required skills. */
export const relaxationInWords = (has: 'had' | 'has', levels: number): string =>
  `It ${has} waited so long that ${levels === 1 ? 'one level is' : `${levels} levels are`} taken off each required skill.`;

const OPENINGS: Readonly<Record<DecisionRecord['kind'], (key: string, agent: string, previous: string | null) => string>> = {
  CREATE: (key, agent) => `${key} was given to ${agent} when it was created.`,
  WAITING: (key, agent) => `${key} had waited and was given to ${agent} as soon as he could take it.`,
  REOPEN: (key, agent) => `${key} was reopened and given to ${agent}.`,
  REASSIGN: (key, agent, previous) => (previous ? `${key} was taken from ${previous} and given to ${agent}.` : `${key} was dealt out and given to ${agent}.`),
  MANUAL: (key, agent, previous) => `${key} was given to ${agent} by name.${previous && previous !== agent ? ` ${previous} had it before.` : ''}`,
};

function becauseOf({ tieBreak, agentId }: DecisionRecord, round: RoundView): string {
  const winner = round.standings.find((standing) => standing.agentId === agentId);
  if (tieBreak === 'ONLY_CANDIDATE') return 'He was the only one who could take it.';
  if (tieBreak === 'PREVIOUS_AGENT') return 'He held it before.';
  if (!winner) return '';
  const opening = `Of ${round.standings.length} who could take it he`;
  if (tieBreak === 'FEWEST_RECEIVED') return `${opening} had received the fewest in this deal (${winner.received}).`;
  const words = MERITS[round.policy.strategy](winner);
  const level = round.rule === 'DEAL' ? `had received as few in this deal as any (${winner.received}) and ` : '';
  if (tieBreak === 'AGENT_ID') return `${opening} ${level}${words.shared}; his is the lowest agent id among equals.`;
  const decided = tieBreak === 'LEAST_RECENTLY_ASSIGNED' && round.policy.strategy !== 'ROUND_ROBIN';
  return decided ? `${opening} ${level}${words.shared} and had waited longest for a ticket.` : `${opening} ${level}${words.best}.`;
}

/** What the winner had on the others, as the strategy sees it: alone, and where he shared it. */
interface Merit {
  readonly best: string;
  readonly shared: string;
}

const fewestToday = (standing: Standing): Merit => {
  const count = standing.handicap > 0 ? `${standing.assignedToday} and a handicap of ${standing.handicap}` : `${standing.assignedToday}`;
  return { best: `had been given the fewest today (${count})`, shared: `shared the fewest today (${count})` };
};

const MERITS: Readonly<Record<RoundView['policy']['strategy'], (standing: Standing) => Merit>> = {
  LEAST_ASSIGNED_TODAY: fewestToday,
  MANUAL: fewestToday,
  ROUND_ROBIN: () => ({ best: 'had waited longest for a ticket', shared: 'was one of those who had never been given a ticket' }),
  FEWEST_OPEN: ({ openTickets }) => ({
    best: `held the fewest pending tickets (${openTickets})`,
    shared: `shared the fewest pending tickets (${openTickets})`,
  }),
  ASSIGNED_PER_HOUR_PRESENT: ({ assignedToday, presentMs }) => {
    const rate = `${assignedToday} in ${spanInWords(presentMs)}`;
    return { best: `had been given the fewest for his time present today (${rate})`, shared: `shared the fewest for the time present today (${rate})` };
  },
  WEIGHTED: ({ key, handicap, weight }) => {
    const share = `${key}${handicap > 0 ? `, a handicap of ${handicap} included,` : ''} for a weight of ${weight}`;
    return { best: `would have the smallest share with it (${share})`, shared: `would share the smallest share with it (${share})` };
  },
};

/** A span in hours, minutes and seconds, whole ones. */
export function spanInWords(spanMs: number): string {
  const seconds = Math.floor(spanMs / 1000);
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  return (
    parts
      .filter(([count]) => count > 0)
      .map(([count, unit]) => `${count} ${unit}`)
      .join(' ') || 'less than a second'
  );
}

/** Agents and why each is left out, in words; the first twenty. */
export const listLeftOut = (leftOut: readonly { agentId: string; reason: string }[]): string => {
  const shown = leftOut.slice(0, 20).map(({ agentId, reason }) => `${agentId} (${REASON_WORDS[reason] ?? reason})`);
  return leftOut.length > 20 ? `${shown.join(', ')} and ${leftOut.length - 20} more` : shown.join(', ');
};

const REASON_WORDS: Readonly<Record<string, string>> = {
  AWAY: 'away',
  OFFLINE: 'offline',
  INACTIVE: 'not active',
  FULL: 'full',
  LACKS_SKILL: 'lacks a required skill',
  EXCLUDED: 'not to receive it',
};
