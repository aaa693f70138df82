import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** How a command ended and what it wrote. */
export interface Ended {
  /** As a shell tells it: 130 for Ctrl-C. */
  readonly code: number;
  readonly out: string;
  /** What it told on standard error. */
  readonly notes: string;
}

/** How a command is started. */
export interface Started {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What comes through its standard input; nothing, if absent. */
  readonly input?: string;
  /** Told the process once it runs. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** Runs a program to its end, without a terminal, and without settings of this machine. */
export function run(program: string, args: readonly string[], { env = {}, input = '', onStart }: Started = {}): Promise<Ended> {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(DOCKET_|DATABASE_URL|XDG_)/.test(name)));
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...own, ...env }, timeout: 50_000 });
    let out = '';
    let notes = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (notes += text));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 143), out, notes }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    onStart?.(child);
  });
}

/** Runs `docket` with these arguments. */
export const docket = (args: readonly string[], started?: Started): Promise<Ended> => run(process.execPath, [MAIN, ...args], started);
