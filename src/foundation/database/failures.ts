/** SQLSTATE of a failure that PostgreSQL reported, looked for along the causes; undefined for anything else. */
export function sqlStateOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code;
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  }
  return undefined;
}

/**
 * Serialization failure, deadlock, lock not had in time, or a unique key that another transaction took
 * between our look and our write: starting over succeeds, or finds the clear answer.
 */
export const isRetryable = (error: unknown): boolean => ['40001', '40P01', '55P03', '23505'].includes(sqlStateOf(error) ?? '');

const LOST_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  '57P01',
  '57P02',
  '57P03',
  '53300',
  '08000',
  '08001',
  '08003',
  '08004',
  '08006',
  '25P03',
]);
const LOST_WORDS = /connection terminated|timeout exceeded when trying to connect|connection error|client has encountered|server closed the connection/i;

/** Whether the database could not be reached, went away, or has no connection left: the call may be repeated later. */
export function isDatabaseLost(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code;
    if (typeof code === 'string' && LOST_CODES.has(code)) return true;
    if (LOST_WORDS.test(cause.message)) return true;
  }
  return false;
}
