import { parseArgs } from 'node:util';
import { printReport } from '../../src/edge/cli/invariants/report.ts';
import { killOperation } from './killing-operations.ts';
import { soak } from './run.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    processes: { type: 'string', default: '3' },
    callers: { type: 'string', default: '64' },
    'process-kills': { type: 'string' },
    'database-kills': { type: 'string' },
    // Only a bulk change of so many tickets, killed five times.
    operation: { type: 'string' },
  },
});
const log = (line: string): void => console.log(line);

/** A bulk change of so many tickets, on two processes that are both killed five times on its way. */
async function killOne(tickets: number): Promise<boolean> {
  const report = await killOperation({ tickets, kills: 5, processes: 2, log });
  const { entries, changedTickets, withNewValue, atSecondVersion, faults, invariants } = report;
  console.log(`
killed with ${report.doneAtKills.join(', ')} tickets done; it went on after ${report.pausesSeconds.map((pause) => pause.toFixed(1)).join(', ')} s
${report.operation?.changedCount} of ${report.operation?.totalCount} tickets changed: ${withNewValue} have the new value, ${atSecondVersion} are at their second version
${entries} entries in the log, about ${changedTickets} tickets

${printReport(invariants)}
`);
  for (const fault of faults) console.log(`FAULT ${fault}`);
  return invariants.ok && faults.length === 0 && [entries, changedTickets, withNewValue, atSecondVersion].every((count) => count === tickets);
}

async function soakAll(): Promise<boolean> {
  const seconds = Number(values.seconds);

  const report = await soak({
    seconds,
    processes: Number(values.processes),
    callers: Number(values.callers),
    processKills: Number(values['process-kills'] ?? Math.ceil(seconds / 8)),
    databaseKills: Number(values['database-kills'] ?? Math.ceil(seconds / 15)),
    log,
  });

  console.log(`
${report.acknowledged} changes acknowledged, ${report.acknowledgedPerSecond.toFixed(0)} a second; ${report.refused} refused by the rules; ${report.abandoned} callers hung up
${report.processKills} processes and ${report.databaseKills} times PostgreSQL killed; the longest outage that a caller saw: ${(report.longestOutageMs / 1000).toFixed(1)} s
retries: ${
    Object.entries(report.retries)
      .map(([status, count]) => `${count} × ${status}`)
      .join(', ') || 'none'
  }

${printReport(report.invariants)}
`);
  for (const fault of report.faults.slice(0, 30)) console.log(`FAULT ${fault}`);
  console.log(report.faults.length === 0 ? 'Nothing lost, nothing doubled.' : `${report.faults.length} faults.`);
  return report.faults.length === 0;
}

const isWell = values.operation === undefined ? await soakAll() : await killOne(Number(values.operation));
process.exitCode = isWell ? 0 : 1;
