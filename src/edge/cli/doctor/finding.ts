/** What was looked at, how it stands, and what to do about it. */
export interface Finding {
  /** Such as `database` or `disk`. */
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'wrong';
  readonly message: string;
  /** What to do; absent when all is well. */
  readonly cure?: string;
}

export const ok = (check: string, message: string): Finding => ({ check, state: 'ok', message });
export const warning = (check: string, message: string, cure: string): Finding => ({ check, state: 'warning', message, cure });
export const wrong = (check: string, message: string, cure: string): Finding => ({ check, state: 'wrong', message, cure });
