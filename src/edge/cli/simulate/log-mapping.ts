import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Cell } from '../../../domain/imports/index.ts';
import { cellForm } from '../import/mapping-file.ts';
import { CommandRefused } from '../running/failures.ts';

/** What the columns of a log of tickets mean: a row for each thing that happened to one. */
export interface LogMapping {
  readonly ticket: string;
  /** When the ticket came. */
  readonly opened: string;
  /** When the row was written. */
  readonly time: string;
  /** How times are written: as ISO 8601, or as day/month/year hour:minute. */
  readonly timeForm: 'iso' | 'day/month/year';
  readonly group: Cell;
  readonly agent: Cell;
  readonly priority: Cell | undefined;
  readonly state: string;
  /** Texts of the state of tickets that are done. */
  readonly endedStates: readonly string[];
  /** Texts that mean "not known", besides the empty one. */
  readonly unknown: readonly string[];
}

const form = z.strictObject({
  ticket: z.string().min(1),
  opened: z.string().min(1),
  time: z.string().min(1),
  time_form: z.enum(['iso', 'day/month/year']).default('iso'),
  group: cellForm,
  agent: cellForm,
  priority: cellForm.optional(),
  state: z.string().min(1),
  ended_states: z.array(z.string()).min(1),
  unknown: z.array(z.string()).default([]),
});

/** Reads a mapping file. @throws CommandRefused naming every fault. */
export async function readLogMapping(file: string): Promise<LogMapping> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new CommandRefused(`the mapping ${file} cannot be read: ${(cause as Error).message}`);
  }
  const parsed = form.safeParse(json);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || 'the file'}: ${issue.message}`);
    throw new CommandRefused(`the mapping ${file} cannot be used:\n${faults.join('\n')}`);
  }
  const { time_form: timeForm, ended_states: endedStates, priority, ...same } = parsed.data;
  return { ...same, timeForm, endedStates, priority };
}

/** The columns that a mapping speaks of. */
export const columnsOf = (mapping: LogMapping): string[] =>
  [mapping.ticket, mapping.opened, mapping.time, mapping.state, mapping.group.column, mapping.agent.column, mapping.priority?.column].filter(
    (column) => column !== undefined,
  );
