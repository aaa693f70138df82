import { format } from 'node:util';
import { type DestinationStream, destination, type Logger, pino, stdSerializers } from 'pino';

export type { Logger } from 'pino';

/** How much is written, from most to least; `silent` writes nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Names of values that are never written, wherever in the first two levels of a line they stand. */
const secretNames = ['authorization', 'cookie', 'token', 'secret', 'password', 'databaseUrl', 'DATABASE_URL'];

/** Bearer tokens, service tokens, JSON Web Tokens, and passwords in URLs, wherever they stand in a text. */
const secretTexts = /(bearer\s+)[^\s"',]+|\bdocket_[0-9a-z]{8}_\w+|\beyJ[\w-]+\.[\w-]+\.[\w-]*|(\/\/[^\s/:@]+:)[^\s/@]+(?=@)/gi;

/** A text with the tokens and passwords in it blanked out. */
export function withoutSecrets(text: string): string {
  return text.replace(secretTexts, (_found, bearer: string | undefined, user: string | undefined) => `${bearer ?? user ?? ''}[hidden]`);
}

/**
 * Less than a pipe takes at once (4 kB), so that no line of another process gets in between. Larger pieces would cost more, too: the stream
 * measures what it has gathered at each line.
 */
const PIECE_BYTES = 2_048;

/**
 * The process's log: one JSON object a line, to standard output unless told otherwise, time in ISO 8601.
 * Lines are gathered for up to a second and written at the latest when the process ends; warnings and
 * worse at once. Other processes may write to the same output. Tokens, passwords and secrets are blanked out.
 */
export function makeLog(options: { readonly level: LogLevel; readonly to?: DestinationStream }): Logger {
  const gathered = options.to ? undefined : destination({ dest: 1, sync: false, periodicFlush: 1000, minLength: PIECE_BYTES / 2, maxWrite: PIECE_BYTES });
  // A flush while a piece is being written does nothing: it is asked for again when that is done.
  let isUrgent = false;
  gathered?.on('drain', () => {
    if (isUrgent) gathered.flush();
    isUrgent = false;
  });
  return pino(
    {
      level: options.level,
      base: null,
      timestamp,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretNames.flatMap((name) => [name, `*.${name}`]), censor: '[hidden]' },
      serializers: { err: errorWithoutSecrets },
      hooks: {
        logMethod(args, method, level) {
          method.apply(this, args);
          if (level < 40) return;
          isUrgent = true;
          gathered?.flush();
        },
      },
    },
    options.to ?? (gathered as DestinationStream),
  );
}

let stampedMs = 0;
let stamp = '';

/** The time as lines begin with it; many lines come in the same millisecond. */
function timestamp(): string {
  const nowMs = Date.now();
  if (nowMs !== stampedMs) {
    stampedMs = nowMs;
    stamp = `,"time":"${new Date(nowMs).toISOString()}"`;
  }
  return stamp;
}

/**
 * Turns what libraries print to the console into lines of the log, so that a program reading standard
 * output meets nothing else. Returns how to undo it.
 */
export function adoptConsole(log: Logger): () => void {
  const original = { error: console.error, warn: console.warn, log: console.log, info: console.info };
  const adopt =
    (level: 'warn' | 'info' | 'debug') =>
    (...said: unknown[]) =>
      log[level]({ from: 'console' }, withoutSecrets(format(...said)));
  // What the query builder says of every query that a caller's leaving cancelled.
  const isExpected = (said: unknown) => typeof said === 'string' && said.includes('failed in the background after abortion');
  console.error = (...said) => adopt(isExpected(said[0]) ? 'debug' : 'warn')(...said);
  console.warn = adopt('warn');
  console.log = adopt('info');
  console.info = adopt('info');
  return () => Object.assign(console, original);
}

function errorWithoutSecrets(error: Error): unknown {
  const serialized = stdSerializers.err(error);
  for (const key of ['message', 'stack'] as const) if (typeof serialized[key] === 'string') serialized[key] = withoutSecrets(serialized[key]);
  return serialized;
}
