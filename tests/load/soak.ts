import { parseArgs } from 'node:util';
import { printReport } from '../../src/edge/cli/invariants/report.ts';
import { soak } from './run.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    processes: { type: 'string', default: '3' },
    callers: { type: 'string', default: '64' },
    'process-kills': { type: 'string' },
    'database-kills': { type: 'string' },
  },
});
const seconds = Number(values.seconds);

const report = await soak({
  seconds,
  processes: Number(values.processes),
  callers: Number(values.callers),
  processKills: Number(values['process-kills'] ?? Math.ceil(seconds / 8)),
  databaseKills: Number(values['database-kills'] ?? Math.ceil(seconds / 15)),
  log: (line) => console.log(line),
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
process.exitCode = report.faults.length === 0 ? 0 : 1;
