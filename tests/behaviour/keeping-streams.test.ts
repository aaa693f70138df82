import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { keepStreamsInArrays, PendingStreams, StreamTable, stateOf } from '../../src/edge/rpc/stream-table.ts';

let server: Http2Server;
let client: ClientHttp2Session;
let session: ServerHttp2Session;
const open: ServerHttp2Stream[] = [];

beforeEach(async () => {
  open.length = 0;
  server = createServer();
  keepStreamsInArrays(server);
  server.on('stream', (stream) => open.push(stream.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const met = once(server, 'session');
  client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  [session] = (await met) as [ServerHttp2Session];
});
afterEach(() => {
  client.destroy();
  server.close();
});

const ask = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let said = '';
    client
      .request({ ':path': path })
      .setEncoding('utf8')
      .on('data', (part) => {
        said += part;
      })
      .on('end', () => resolve(said))
      .on('error', reject);
  });

it('keeps the streams of a connection in arrays, and none that is over', async () => {
  const { streams, pendingStreams } = stateOf(session) ?? {};
  expect(streams).toBeInstanceOf(StreamTable);
  expect(pendingStreams).toBeInstanceOf(PendingStreams);
  const answers = ['/a', '/b', '/c', '/d'].map(ask);
  await vi.waitFor(() => expect(open).toHaveLength(4));
  expect([streams?.size, pendingStreams?.size]).toEqual([4, 0]);
  expect(open.map((stream) => streams?.get(stream.id as number))).toEqual(open);
  // Not in the order in which they came.
  for (const at of [1, 3, 0, 2]) open[at]?.end(`answer ${at}`);
  expect(await Promise.all(answers)).toEqual(['answer 0', 'answer 1', 'answer 2', 'answer 3']);
  await vi.waitFor(() => expect(streams?.size).toBe(0));
  expect(streams?.get(open[0]?.id as number)).toBeUndefined();
});

it('ends every open stream with its connection', async () => {
  for (const path of ['/a', '/b', '/c']) ask(path).catch(() => undefined);
  await vi.waitFor(() => expect(open).toHaveLength(3));
  session.destroy();
  await vi.waitFor(() => expect(open.every(({ destroyed }) => destroyed)).toBe(true));
});

it('lets a connection that is closing end with its last stream', async () => {
  const answers = [ask('/a'), ask('/b')];
  await vi.waitFor(() => expect(open).toHaveLength(2));
  session.close();
  open[0]?.end('first');
  await answers[0];
  expect(session.destroyed).toBe(false);
  const closed = once(session, 'close');
  open[1]?.end('last');
  expect(await answers[1]).toBe('last');
  await closed;
});

it('knows streams by their ids, and forgets the right one', () => {
  const table = new StreamTable();
  const made = [1, 3, 5].map((id) => ({ id }) as unknown as ServerHttp2Stream);
  for (const stream of made) table.set(stream.id as number, stream);
  expect([table.delete(1), table.delete(1), table.get(1), table.size]).toEqual([true, false, undefined, 2]);
  const seen: unknown[] = [];
  table.forEach((stream, id) => {
    table.delete(id);
    seen.push(stream);
  });
  expect(new Set(seen)).toEqual(new Set(made.slice(1)));
  expect(table.size).toBe(0);
});
