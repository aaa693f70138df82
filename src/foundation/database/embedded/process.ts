import { spawn } from 'node:child_process';

/** An unprivileged user of the system, by its numbers. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** How a short-lived program ended: code 0 is success, undefined means that it could not even be started. */
export interface Outcome {
  readonly code: number | null | undefined;
  readonly output: string;
}

/**
 * What every program started here gets: a folder that any user may stand in, and an environment
 * that neither carries the service's secrets nor lets PGDATA or LANG of the caller in.
 */
export const surroundings = { cwd: '/', env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' } } as const;

/** Runs a program to its end, as `user` or else as ourselves. Never throws. */
export function run(user: SystemUser | undefined, program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((settle) => {
    let output = '';
    const child = spawn(program, args, { ...surroundings, ...user, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', (cause) => settle({ code: undefined, output: cause.message }));
    child.once('close', (code) => settle({ code, output: output.trim() }));
  });
}

/** Whether `user` can get into this folder, through all the folders above it, and write there. */
export async function canWrite(user: SystemUser | undefined, folder: string): Promise<boolean> {
  return (await run(user, '/bin/sh', ['-c', 'cd -P -- "$1" && test -w .', 'sh', folder])).code === 0;
}

/** Whether a process of this number exists, whosever it is. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}
