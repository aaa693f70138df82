import type { BarSummary, RowSummary, ScenarioSummary } from './summary.ts';

const HEADINGS = [
  '',
  'in flight',
  'a second',
  '(min–max)',
  'p50 ms',
  'p99 ms',
  'CPU service',
  'CPU database',
  'CPU load',
  'WAL bytes',
  'commits',
  'statements',
  'batch',
  'RSS MB',
];

/** A scenario as lines for the terminal: a table of its contenders, its bars, its notes. */
export function scenarioLines({ name, title, rows, bars, notes }: ScenarioSummary): string[] {
  const table = rows.length === 0 ? [] : aligned([HEADINGS, ...rows.map(cells)]);
  return [`${name}: ${title}`, ...table.map((line) => `  ${line}`), ...bars.map((bar) => `  ${barLine(bar)}`), ...notes.map((note) => `  ${note}`)];
}

/** A bar in words: what it says, what came of it, and whether that is enough. */
export function barLine({ says, value, limit, met }: BarSummary): string {
  const wanted = 'atLeast' in limit ? `≥ ${limit.atLeast}` : `≤ ${limit.atMost}`;
  return `${met ? '✓' : '✗'} ${says}: ${figure(value.median)} (${figure(value.min)}–${figure(value.max)}), bar ${wanted}${met ? '' : ' MISSED'}`;
}

function cells(row: RowSummary): string[] {
  return [
    row.name,
    String(row.inFlight),
    `${figure(row.perSecond.median)} ${row.unit}s`,
    `(${figure(row.perSecond.min)}–${figure(row.perSecond.max)})`,
    figure(row.p50Ms),
    figure(row.p99Ms),
    figure(row.serviceCpuMs),
    figure(row.databaseCpuMs),
    figure(row.loadCpuMs),
    figure(row.walBytes),
    figure(row.commits),
    figure(row.statements),
    figure(row.batch),
    figure(row.residentMb),
  ];
}

/** Three digits that matter; whole numbers from a hundred on. */
export function figure(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  if (value === 0) return '0';
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Columns side by side: the first to the left, the others to the right. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '));
}
