import { v5 } from 'uuid';
import type { CsvFile, CsvRow } from '../../foundation/files/reading/csv.ts';
import { FIELDS, type Field, type Mapping } from './mapping.ts';
import { isOwnColumn, REFERENCE_COLUMN } from './own-columns.ts';
import { type Reading, readCell } from './values.ts';

/** Made once, for request ids that imports derive. */
const NAMESPACE = 'b2f1c9c4-6d0e-4f6e-9a53-0c8f5c1b7e21';

/** Longest id of an external reference. */
const MAX_REFERENCE_LENGTH = 256;

/** What is wrong with one row. */
export interface RowFault {
  readonly line: number;
  /** Empty: the row as a whole. */
  readonly field: string;
  readonly value: string;
  /** A reason of the contract such as `INVALID_FIELD`. */
  readonly reason: string;
  readonly message: string;
}

/** A group that the rows name, and perhaps an agent at work in it. */
export interface Sighting {
  readonly group: Reading;
  readonly member: Reading | undefined;
}

/** What is to become one ticket: a row, or all rows of one key folded into one. */
export interface ImportRecord {
  /** The line of its (first) row. */
  readonly line: number;
  /** The values of that row as they are in the file. */
  readonly cells: readonly string[];
  /** Key and occurrence: the id of the ticket's external reference. The same in every import of the same rows. */
  readonly referenceId: string;
  /** Derived from source and `referenceId`: the request id of the ticket by itself. */
  readonly requestId: string;
  readonly fields: Readonly<Partial<Record<Field, Reading>>>;
  readonly attributes: Readonly<Record<string, string>>;
  readonly sightings: readonly Sighting[];
  readonly faults: readonly RowFault[];
}

/** One row as the mapping reads it. */
interface Draft {
  readonly line: number;
  readonly cells: readonly string[];
  readonly key: readonly string[];
  /** What an earlier import called the row; '' when it did not. */
  readonly reference: string;
  fields: Partial<Record<Field, Reading>>;
  attributes: Record<string, string>;
  readonly sightings: Sighting[];
  readonly faults: RowFault[];
}

/**
 * Reads a file as records, in the order of the file; may be called again for the same records. Rows that are
 * folded are held until the end of the file, one draft for each key; others pass through.
 */
export async function* readRecords(csv: CsvFile, mapping: Mapping, source: string): AsyncGenerator<ImportRecord> {
  const read = reader(csv.columns, mapping);
  const occurrences = new Map<string, number>();
  const finish = (draft: Draft): ImportRecord => {
    const key = draft.key.map((part) => part.replaceAll('%', '%25').replaceAll('/', '%2F')).join('/');
    const occurrence = (occurrences.get(key) ?? 0) + 1;
    if (draft.reference === '') occurrences.set(key, occurrence);
    const whole = draft.reference || `${key}/${occurrence}`;
    // Long keys shrink to a name of their own.
    const referenceId = whole.length > MAX_REFERENCE_LENGTH ? v5(whole, NAMESPACE) : whole;
    const { line, cells, fields, attributes } = draft;
    // The default group of an event that names none says nothing about a ticket whose group is known.
    const sightings = draft.sightings.filter(({ group }) => !group.isDefault || fields.group?.isDefault);
    const faults = [...draft.faults, ...faultsOf(draft)];
    return { line, cells, fields, attributes, sightings, referenceId, requestId: deriveId([source, referenceId]), faults };
  };
  if (!mapping.fold) {
    for await (const row of csv.rows()) yield finish(read(row));
    return;
  }
  const drafts = new Map<string, Draft>();
  for await (const row of csv.rows()) {
    const draft = read(row);
    const key = JSON.stringify(draft.key);
    const first = drafts.get(key);
    if (first) fold(first, draft);
    else drafts.set(key, draft);
  }
  for (const draft of drafts.values()) yield finish(draft);
}

/** The attributes of a mapping that names none: every column that is not mapped, under its own name. */
export function attributesOf({ fields }: Mapping, columns: readonly string[]): Record<string, string> {
  const used = new Set(FIELDS.map((field) => fields[field]?.column));
  return Object.fromEntries(columns.filter((column) => column !== '' && !used.has(column) && !isOwnColumn(column)).map((column) => [column, column]));
}

/** The same UUID for the same parts, for ever. */
export const deriveId = (parts: readonly string[]): string => v5(JSON.stringify(parts), NAMESPACE);

function reader(columns: readonly string[], mapping: Mapping): (row: CsvRow) => Draft {
  const at = new Map(columns.map((column, index) => [column, index]));
  const mapped = FIELDS.flatMap((field) => (mapping.fields[field] ? [{ field, cell: mapping.fields[field] }] : []));
  const keyColumns =
    mapping.key.length > 0 ? mapping.key : [mapping.fields.user_id?.column, mapping.fields.group?.column].filter((column) => column !== undefined);
  const kept = Object.entries(mapping.attributes ?? attributesOf(mapping, columns));
  return ({ line, cells }) => {
    const textOf = (column: string | undefined): string | undefined => (column === undefined ? undefined : cells[at.get(column) ?? -1]?.trim());
    const known = (text: string | undefined): text is string => text !== undefined && text !== '' && !mapping.unknown.includes(text);
    const fields = Object.fromEntries(mapped.map(({ field, cell }) => [field, readCell(cell, textOf(cell.column), mapping.unknown)])) as Draft['fields'];
    const attributes = Object.fromEntries(
      kept.flatMap(([name, column]) => [[name, textOf(column)] as const]).filter((pair): pair is [string, string] => known(pair[1])),
    );
    const { group, member, agent_id: agent } = fields;
    const people = [member, agent].filter((person) => person?.value !== undefined);
    const sightings = group?.value === undefined ? [] : (people.length > 0 ? people : [undefined]).map((person) => ({ group, member: person }));
    return {
      line,
      cells,
      key: keyColumns.map((column) => textOf(column) ?? ''),
      reference: textOf(REFERENCE_COLUMN) ?? '',
      fields,
      attributes,
      sightings,
      faults: widthFault(line, cells, columns),
    };
  };
}

function widthFault(line: number, cells: readonly string[], columns: readonly string[]): RowFault[] {
  if (cells.length === columns.length || (cells.length > columns.length && cells.slice(columns.length).every((cell) => cell.trim() === ''))) return [];
  const message = `has ${cells.length} values where the heading has ${columns.length}`;
  return [{ line, field: '', value: '', reason: 'ROW_MALFORMED', message }];
}

/** A later event of the same ticket: what was not known yet is learned, attributes keep the last state. */
function fold(first: Draft, later: Draft): void {
  for (const field of FIELDS) {
    const before = first.fields[field];
    const after = later.fields[field];
    if (after && (before === undefined || !isKnown(before)) && isKnown(after)) first.fields[field] = after;
  }
  Object.assign(first.attributes, later.attributes);
  for (const sighting of later.sightings) {
    const same = first.sightings.some(({ group, member }) => group.value === sighting.group.value && member?.value === sighting.member?.value);
    if (!same) first.sightings.push(sighting);
  }
  first.faults.push(...later.faults);
}

/** Whether the file itself said it, rather than a default. */
const isKnown = (reading: Reading): boolean => reading.fault === undefined && reading.value !== undefined && !reading.isDefault;

function faultsOf({ line, fields, key }: Draft): RowFault[] {
  const faults: RowFault[] = FIELDS.flatMap((field) => {
    const reading = fields[field];
    // Who is a member is no part of the ticket.
    return reading?.fault !== undefined && field !== 'member' ? [{ line, field, value: reading.text, reason: 'INVALID_FIELD', message: reading.fault }] : [];
  });
  if (key.every((part) => part === '')) faults.push({ line, field: 'key', value: '', reason: 'INVALID_FIELD', message: 'the key of the row is empty' });
  return faults;
}
