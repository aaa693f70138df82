import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { TicketSchema } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { exportList, type FileForm, type FilePiece } from '../../../src/foundation/files/export.ts';
import { tableOf } from '../../../src/foundation/files/table.ts';
import { PageTokenError } from '../../../src/foundation/page/index.ts';

const tickets = (count: number, length: number) =>
  Array.from({ length: count }, (_, at) => create(TicketSchema, { key: `T-${at}`, description: 'x'.repeat(length) }));

/** A list in memory, whose tokens are places. */
function listOf(items: ReturnType<typeof tickets>, form: FileForm, more: { readonly name?: string; readonly resumeToken?: string } = {}) {
  const asked: number[] = [];
  const page = async (token: string, size: number) => {
    asked.push(size);
    const from = Number(token);
    return { items: items.slice(from, from + size), nextPageToken: from + size < items.length ? String(from + size) : '' };
  };
  return { asked, pieces: exportList({ form, name: 'tickets', resumeToken: '', ...tableOf(TicketSchema), page, ...more }) };
}

async function all(pieces: AsyncIterable<FilePiece>): Promise<FilePiece[]> {
  const received: FilePiece[] = [];
  for await (const piece of pieces) received.push(piece);
  return received;
}

describe('an exported list', () => {
  it('comes in bounded pieces, however long its texts are, and whole', async () => {
    const items = tickets(300, 10_000);
    const pieces = await all(listOf(items, 'ndjson').pieces);
    for (const { chunk } of pieces) expect(chunk.length).toBeLessThan(700_000);
    const lines = Buffer.concat(pieces.map(({ chunk }) => chunk))
      .toString()
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { key: string }).key)).toEqual(items.map(({ key }) => key));
  });

  it('gives a single thing that is longer than a piece', async () => {
    expect(await all(listOf(tickets(3, 800_000), 'csv').pieces)).toHaveLength(3);
  });

  it('reads no further than the caller has taken', async () => {
    const { asked, pieces } = listOf(tickets(2_000, 1), 'csv');
    await pieces.next();
    await pieces.next();
    expect(asked).toHaveLength(2);
    await pieces.return(undefined);
  });

  it('takes a token of its own kind only', async () => {
    const [first] = await all(listOf(tickets(600, 1), 'csv').pieces);
    const resumeToken = first?.resumeToken ?? '';
    expect(await all(listOf(tickets(600, 1), 'csv', { resumeToken }).pieces)).toHaveLength(2);
    for (const more of [{ name: 'agents', resumeToken }, { resumeToken: `${resumeToken}.1` }, { resumeToken: 'csv.tickets' }])
      await expect(all(listOf(tickets(600, 1), 'csv', more).pieces)).rejects.toThrow(PageTokenError);
    await expect(all(listOf(tickets(600, 1), 'ndjson', { resumeToken }).pieces)).rejects.toThrow(PageTokenError);
  });
});
