import { parentPort, workerData } from 'node:worker_threads';
import { DomainError, type ErrorKind, type FieldViolation } from '../../foundation/errors.ts';
import { type Play, Player, type PlayResult } from './player.ts';
import type { ToldStep } from './steps.ts';

/** What the thread of a rehearsal is told: steps, or that there are no more. */
export type Told = { readonly steps: readonly ToldStep[] } | 'end';

/** What it answers: that it wants more, what came of it, or why it cannot go on. */
export type Answered = 'more' | { readonly result: PlayResult } | { readonly refused: Refusal };

/** A domain error in a form that crosses threads. */
export interface Refusal {
  readonly kind: ErrorKind;
  readonly reason: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
}

const port = parentPort;
// In the thread of a rehearsal alone: whoever imports this file for its types runs none.
if (port) {
  let player: Player | undefined;
  port.on('message', (told: Told) => port.postMessage(answer(told)));

  const answer = (told: Told): Answered => {
    try {
      player ??= new Player(workerData as Play);
      if (told === 'end') return { result: player.finish() };
      player.take(told.steps);
      return 'more';
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const { kind, reason, message, facts, violations } = error;
      return { refused: { kind, reason, message, facts, violations } };
    }
  };
}
