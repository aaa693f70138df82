import { createDocketClient } from '../../../src/client/index.ts';
import { SEALED_ROWS } from '../../../src/domain/audit/sealing/read.ts';
import { docket } from '../contenders.ts';
import { medianOf } from '../measure/statistics.ts';
import { takeTurn } from '../measure/turns.ts';
import type { Scenario } from '../scenario.ts';
import type { BenchServer } from '../server.ts';
import type { Site } from '../site.ts';

const AGENTS = 100;
const IN_FLIGHT = 64;

/** Sealing keeps up with what is written, and the whole log is verified in a time that somebody waits for. */
export const sealedLog: Scenario = {
  name: 'sealed-log',
  title: `how long entries wait for their seal while CreateTicket goes on, ${IN_FLIGHT} in flight, and then VerifyAuditLog of the whole log`,
  async run(bench) {
    const site = await bench.openSite({ groups: 1, agentsPerGroup: AGENTS });
    const rows = await bench.compare([await docket(bench, site, { name: 'Docket', inFlight: IN_FLIGHT })]);
    await untilSealed(site);
    const [lag] = await bench.server.sql<{ p50: number; p99: number; longest: number }>(
      site.databaseUrl,
      `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY waited) AS p50, percentile_cont(0.99) WITHIN GROUP (ORDER BY waited) AS p99, max(waited) AS longest
       FROM (SELECT extract(epoch FROM t.time - s.time)::float8 AS waited FROM docket.sealed_entries s JOIN docket.audit_seals t USING (seal)) lags`,
    );
    if (!lag) throw new Error('the log says nothing of its seals');
    // More than a thread takes to start.
    const filling = await docket(bench, site, { name: 'filling', inFlight: 2, subject: 'batch-create', tickets: 1000 });
    await takeTurn(bench.server, filling, 4 * bench.options.pace.seconds);
    await untilSealed(site);
    const speeds: number[] = [];
    const prints: number[] = [];
    let verified = 0;
    for (let at = 0; at < bench.options.pace.repeats; at++) {
      const { entries, seconds } = await verify(site);
      verified = entries;
      speeds.push(entries / seconds);
      prints.push(entries / (await print(bench.server, site, entries)));
    }
    return {
      rows,
      bars: [
        { says: 'seconds that an entry waits for its seal, 99th percentile', values: [lag.p99], limit: { atMost: 2 } },
        { says: 'entries verified in a second', values: speeds, limit: { atLeast: 100_000 } },
      ],
      notes: [
        `median wait ${lag.p50.toFixed(2)} s, longest ${lag.longest.toFixed(2)} s; ${verified} entries`,
        `PostgreSQL alone, which prints them to nowhere: ${medianOf(prints).toFixed(0)} a second; verified / printed ${medianOf(speeds.map((speed, at) => speed / (prints[at] as number))).toFixed(2)}`,
      ],
    };
  },
};

/** A verification tells how many entries wait for their seal: asked again and again, it is what there is to wait for. */
async function untilSealed(site: Site): Promise<void> {
  while ((await verify(site)).unsealed > 0);
}

/** Verifies all of it, once. @throws Error at the first finding. */
async function verify({ ports, token }: Site): Promise<{ readonly entries: number; readonly unsealed: number; readonly seconds: number }> {
  const client = createDocketClient({ baseUrl: `http://127.0.0.1:${ports[0]}`, token });
  const startMs = performance.now();
  let [entries, unsealed] = [0, 0];
  try {
    for await (const { event } of client.audit.verifyAuditLog({})) {
      if (event.case === 'finding') throw new Error(`the log does not verify: ${event.value.description}`);
      if (event.case === 'done') [entries, unsealed] = [Number(event.value.entries), Number(event.value.unsealedEntries)];
    }
  } finally {
    client.close();
  }
  return { entries, unsealed, seconds: (performance.now() - startMs) / 1000 };
}

/** Connections that print at once: as many as the smallest machine has cores. */
const PRINTERS = 2;
const PRINTED_AT_ONCE = 2_000;

/** The seconds in which PostgreSQL prints all that a verification reads, and nobody reads it. */
async function print(server: BenchServer, { databaseUrl }: Site, entries: number): Promise<number> {
  const startMs = performance.now();
  const statements = (printer: number): string =>
    Array.from({ length: Math.ceil(entries / PRINTED_AT_ONCE / PRINTERS) }, (_, at) => 1 + (at * PRINTERS + printer) * PRINTED_AT_ONCE)
      .map((first) => SEALED_ROWS.replaceAll('$1', String(first)).replaceAll('$2', String(first + PRINTED_AT_ONCE - 1)))
      .map((rows) => `COPY (${rows}) TO PROGRAM 'cat > /dev/null';`)
      .join('\n');
  await Promise.all(Array.from({ length: PRINTERS }, (_, printer) => server.sql(databaseUrl, `SET search_path = docket; ${statements(printer)}`)));
  return (performance.now() - startMs) / 1000;
}
