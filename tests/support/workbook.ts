import { Archive, NOTHING_WRITTEN, pack } from '../../src/foundation/files/zip.ts';

const main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';

/** The parts of a workbook as spreadsheet programs write them: shared strings, styles, two sheets. */
export interface Parts {
  /** What stands in `sheetData` of the second sheet, which is the first of the workbook. */
  readonly sheet: string;
  readonly strings?: readonly string[];
  readonly date1904?: boolean;
}

/** A workbook with the sheets "People" and "Notes". Styles: 0 as it is, 1 a date, 2 a time of its own format, 3 a number with colours. */
export async function makeWorkbook({ sheet, strings = [], date1904 = false }: Parts): Promise<Buffer> {
  const archive = new Archive(
    {
      '[Content_Types].xml': '<Types/>',
      'xl/workbook.xml': `<workbook ${main} xmlns:r="r"><workbookPr date1904="${date1904 ? 1 : 0}"/><sheets><sheet name="People" sheetId="2" r:id="rId7"/><sheet name="Notes" sheetId="1" r:id="rId1"/></sheets></workbook>`,
      'xl/_rels/workbook.xml.rels':
        '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/><Relationship Id="rId7" Target="/xl/worksheets/sheet2.xml"/></Relationships>',
      'xl/styles.xml': `<styleSheet ${main}><numFmts><numFmt numFmtId="170" formatCode="[$-407]d\\. mmm yy hh:mm"/><numFmt numFmtId="171" formatCode="[Red]0.00&quot; days&quot;"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs></styleSheet>`,
      'xl/sharedStrings.xml': `<sst ${main}>${strings.map((text) => `<si>${text}</si>`).join('')}</sst>`,
      'xl/worksheets/sheet1.xml': `<worksheet ${main}><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>User ID</t></is></c><c r="B1" t="inlineStr"><is><t>Group</t></is></c></row><row r="2"><c r="A2"><v>99</v></c></row></sheetData></worksheet>`,
    },
    'xl/worksheets/sheet2.xml',
  );
  const { packed, written } = await pack(Buffer.from(`<worksheet ${main}><sheetData>${sheet}</sheetData></worksheet>`), NOTHING_WRITTEN);
  return Buffer.concat([archive.head, packed, archive.tail(written)]);
}
