import type { Invariant } from '../../../domain/assignment/index.ts';

/** What the check of one invariant came to. */
export interface Finding {
  readonly invariant: Invariant;
  /** What was looked at, in words with numbers; what could not be looked at, too. */
  readonly notes: readonly string[];
  readonly violations: number;
  /** The first few violations in words. */
  readonly first: readonly string[];
}

/** All invariants with what each asks for. */
export const INVARIANTS: Readonly<Record<Invariant, string>> = {
  I1: 'no acknowledged ticket is lost',
  I2: 'one request id, one effect',
  I3: 'one agent at most, changed with decision and audit entry',
  I4: 'every decision legal by replay',
  I5: 'spread of at most 1 where it is proved',
  I6: 'counters equal a recount',
  I7: 'every change has its audit entry',
  I8: 'business days never go back',
  I9: 'hard limits never broken',
  I10: 'nothing waits while somebody can take it',
};

/** Collects violations and notes; keeps the first few violations of each invariant in words, and counts the rest. */
export class Findings {
  readonly #kept: number;
  readonly #found = new Map<Invariant, { violations: number; first: string[]; notes: string[] }>();

  constructor(kept: number) {
    this.#kept = kept;
    for (const invariant of Object.keys(INVARIANTS) as Invariant[]) this.#found.set(invariant, { violations: 0, first: [], notes: [] });
  }

  /** Takes note of a violation. */
  readonly report = (invariant: Invariant, words: string): void => {
    const found = this.#of(invariant);
    found.violations += 1;
    if (found.first.length < this.#kept) found.first.push(words);
  };

  /** Says what a check looked at. */
  note(invariant: Invariant, words: string): void {
    this.#of(invariant).notes.push(words);
  }

  list(): Finding[] {
    return [...this.#found].map(([invariant, found]) => ({ invariant, ...found }));
  }

  #of(invariant: Invariant): { violations: number; first: string[]; notes: string[] } {
    const found = this.#found.get(invariant);
    if (!found) throw new Error(`there is no invariant ${invariant}`);
    return found;
  }
}
