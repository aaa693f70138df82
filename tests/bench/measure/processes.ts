import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc: a constant of Linux for programs. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly parent: number;
  /** CPU time of its own, in seconds. */
  readonly own: number;
  /** CPU time of the children that ended and were waited for, in seconds. */
  readonly children: number;
}

function statOf(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It ended just now.
    return undefined;
  }
  // The name may hold anything; what follows its last bracket is numbers.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = (at: number): number => Number(fields[at]) / TICKS_PER_SECOND;
  return { parent: Number(fields[1]), own: ticks(11) + ticks(12), children: ticks(13) + ticks(14) };
}

/** CPU time that a process has used, all threads together, in seconds; 0 when it is gone. */
export const cpuSecondsOf = (pid: number): number => statOf(pid)?.own ?? 0;

/** The process that started another. @throws Error when there is no such process. */
export function parentOf(pid: number): number {
  const stat = statOf(pid);
  if (!stat) throw new Error(`there is no process ${pid}`);
  return stat.parent;
}

/** Resident size of a process, in bytes; 0 when it is gone. */
export function residentBytesOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    // It ended just now.
    return 0;
  }
}

/** CPU time of a process and of everything it started, the living and the dead, in seconds: PostgreSQL whole, from its first process. */
export function familyCpuSeconds(pid: number): number {
  const first = statOf(pid);
  let seconds = (first?.own ?? 0) + (first?.children ?? 0);
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat?.parent === pid) seconds += stat.own + stat.children;
  }
  return seconds;
}
