export { GroupBook } from './group-book.ts';
export { guessMapping, plainCell } from './guess.ts';
export { assertColumns, type Cell, EMPTY_MAPPING, FIELDS, type Field, type Mapping, missingField, quoted } from './mapping.ts';
export { agentIdOf, groupKeyOf } from './names.ts';
export { faultText, isOwnColumn, OWN_COLUMNS } from './own-columns.ts';
export { attributesOf, deriveId, type ImportRecord, type RowFault, readRecords } from './records.ts';
export { type Prepared, ticketMaker } from './ticket.ts';
export { priorityOf, readCell } from './values.ts';
