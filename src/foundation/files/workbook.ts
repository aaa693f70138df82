import { DomainError } from '../errors.ts';
import type { Cell } from './table.ts';
import { Archive, MAX_MEMBER_BYTES, NOTHING_WRITTEN, pack, type Written } from './zip.ts';

/** Rows of a sheet, the heading included. */
const MAX_ROWS = 1_048_576;
/** Characters of a cell. */
const MAX_CELL_LENGTH = 32_767;
/** Digits of a number that spreadsheets keep. */
const MAX_DIGITS = 15;

/** What was exported does not fit into a workbook. */
export class ExportDoesNotFit extends DomainError {
  constructor(says: string, facts: Readonly<Record<string, string>>) {
    super('failed_precondition', 'EXPORT_DOES_NOT_FIT', `format: a workbook ${says}; export CSV or NDJSON, or a part of the list`, { facts });
  }
}

const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const types = 'application/vnd.openxmlformats-officedocument.spreadsheetml';
const relations = (target: string, kind: string, more = ''): string =>
  `${head}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="${office}/${kind}" Target="${target}"/>${more}</Relationships>`;

const archive = new Archive(
  {
    '[Content_Types].xml': `${head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${types}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${types}.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="${types}.styles+xml"/></Types>`,
    '_rels/.rels': relations('xl/workbook.xml', 'officeDocument'),
    'xl/workbook.xml': `${head}<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="Docket" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': relations('worksheets/sheet1.xml', 'worksheet', `<Relationship Id="rId2" Type="${office}/styles" Target="styles.xml"/>`),
    // Styles: 0 as it is, 1 text that stays text when somebody edits it, 2 a time.
    'xl/styles.xml': `${head}<styleSheet xmlns="${main}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/><xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>`,
  },
  'xl/worksheets/sheet1.xml',
);
const sheetHead = `${head}<worksheet xmlns="${main}"><sheetData>`;
const sheetTail = '</sheetData></worksheet>';

/** How far a workbook is written: with it, any process can go on. */
export interface WorkbookState extends Written {
  readonly rows: number;
}

export const NO_WORKBOOK: WorkbookState = { rows: 0, ...NOTHING_WRITTEN };

/**
 * The next bytes of a workbook of one sheet. Nothing is ever a formula: a text stands in its cell as such.
 * @throws ExportDoesNotFit
 */
export async function writeWorkbook(
  rows: readonly (readonly Cell[])[],
  columns: readonly string[],
  state: WorkbookState,
  end: boolean,
): Promise<{ readonly bytes: Buffer; readonly state: WorkbookState }> {
  if (state.rows + rows.length > MAX_ROWS) throw new ExportDoesNotFit('takes at most 1,048,575 rows below its heading', { limit: 'rows' });
  const begin = state.rows === 0;
  const text = rows.map((row, at) => rowXml(row, columns, state.rows + at + 1)).join('');
  const { packed, written } = await pack(Buffer.from(`${begin ? sheetHead : ''}${text}${end ? sheetTail : ''}`), state);
  // Room for what else is in the archive.
  if (written.plainBytes > MAX_MEMBER_BYTES - 2 ** 20) throw new ExportDoesNotFit('takes at most 4 GiB', { limit: 'bytes' });
  const bytes = Buffer.concat([begin ? archive.head : Buffer.alloc(0), packed, end ? archive.tail(written) : Buffer.alloc(0)]);
  return { bytes, state: { ...written, rows: state.rows + rows.length } };
}

function rowXml(cells: readonly Cell[], columns: readonly string[], row: number): string {
  const written = cells.map((cell, at) => {
    if (cell.text === '') return '';
    if (cell.text.length > MAX_CELL_LENGTH) {
      const column = columns[at] ?? '';
      throw new ExportDoesNotFit(`takes at most 32,767 characters in a cell, and ${column} of row ${row} has ${cell.text.length}`, {
        limit: 'cell',
        column,
        row: String(row),
      });
    }
    return cellXml(cell, `${letters(at)}${row}`);
  });
  return `<row r="${row}">${written.join('')}</row>`;
}

function cellXml(cell: Cell, place: string): string {
  if (cell.kind === 'truth') return `<c r="${place}" t="b"><v>${cell.text === 'true' ? 1 : 0}</v></c>`;
  // Days since 30 December 1899, which is how sheets count.
  if (cell.kind === 'time') return `<c r="${place}" s="2"><v>${cell.ms / 86_400_000 + 25_569}</v></c>`;
  if (cell.kind === 'number' && cell.text.replace('-', '').length <= MAX_DIGITS) return `<c r="${place}"><v>${cell.text}</v></c>`;
  return `<c r="${place}" s="1" t="inlineStr"><is><t xml:space="preserve">${xmlText(cell.text)}</t></is></c>`;
}

const letters = (at: number): string => (at < 26 ? '' : letters(Math.floor(at / 26) - 1)) + String.fromCharCode(65 + (at % 26));

/** What XML cannot hold goes as `_x0001_`, and what looks like that with its first character so. */
const xmlText = (text: string): string =>
  text
    .replaceAll(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about.
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/g, (sign) => `_x${sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
