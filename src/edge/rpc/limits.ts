/**
 * Every limit of the RPC edge, in one place. Over a limit a caller gets the status named beside it,
 * never a hang and never a crash. The default deadline is a setting.
 */

/** Largest request message, after decompression. Over it: RESOURCE_EXHAUSTED `MESSAGE_TOO_LARGE`. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** All metadata (headers) of one call together. Over it: RESOURCE_EXHAUSTED `METADATA_TOO_LARGE`, or HTTP 431. */
export const MAX_METADATA_BYTES = 16 * 1024;

/** Header fields of one HTTP/2 request; grpc-js keeps to the same number, Node's own. Over it the stream is reset with ENHANCE_YOUR_CALM. */
export const MAX_METADATA_PAIRS = 128;

/** Calls open at once on one HTTP/2 connection; clients queue the others themselves. */
export const MAX_STREAMS_PER_CONNECTION = 512;

/** Open connections on each port; the ones beyond are closed at once. */
export const MAX_CONNECTIONS = 2_000;

/** Calls being served at once by this process. Over it: RESOURCE_EXHAUSTED `TOO_MANY_CALLS` with a retry delay. */
export const MAX_CALLS_IN_FLIGHT = 8_192;

/** How long a refused caller is asked to wait when too many calls are in flight. */
export const OVERLOAD_RETRY_AFTER_MS = 500;

/** Farthest deadline a unary call may name. Over it: INVALID_ARGUMENT `DEADLINE_TOO_LONG`. */
export const MAX_DEADLINE_MS = 120_000;

/** A new connection's first bytes, its TLS handshake, and a request's headers, must be there within this time, or it is closed. */
export const HEADERS_TIMEOUT_MS = 10_000;

/** The certificates' files are looked at this often. */
export const CERTIFICATES_LOOK_MS = 2_000;

/** An HTTP/1.1 request must be there whole within this time, or HTTP 408 and the connection is closed. */
export const REQUEST_TIMEOUT_MS = 60_000;

/** An idle HTTP/1.1 connection is closed after this time. Longer than the minute that proxies keep theirs. */
export const IDLE_HTTP1_TIMEOUT_MS = 75_000;

/** An HTTP/2 connection without calls is closed after this time. */
export const IDLE_HTTP2_TIMEOUT_MS = 15 * 60_000;

/** A silent HTTP/2 connection is pinged this often … */
export const KEEPALIVE_INTERVAL_MS = 60_000;

/** … and closed when the answer takes longer than this. */
export const KEEPALIVE_TIMEOUT_MS = 20_000;

/** Answers from this size on are compressed for callers that accept it (Connect port only). */
export const COMPRESS_FROM_BYTES = 8 * 1024;

/** At shutdown, calls in flight get this long before they are cancelled … */
export const DRAIN_MS = 8_000;

/** … and connections this long to close by themselves after that. Together below 10 s. */
export const CLOSE_MS = 1_000;

/** How long browsers may remember the answer to a preflight request, in seconds. */
export const PREFLIGHT_CACHE_SECONDS = 7_200;

/** How long the readiness check may take before the answer is "not ready". */
export const READINESS_TIMEOUT_MS = 2_000;

/** Longest error message sent to a caller, and longest fact or description, in UTF-16 code units; the rest is cut off. */
export const MAX_ERROR_MESSAGE_LENGTH = 500;
export const MAX_ERROR_FACT_LENGTH = 200;

/**
 * Field violations sent in one answer: as many as fit into this many code units, since errors travel in
 * trailers and clients refuse more than 8 KiB of those.
 */
export const MAX_VIOLATIONS_LENGTH = 2_500;

/** Refused calls that are alike are told of in the audit log at once, and then when this time is over, counted. */
export const REFUSAL_WINDOW_MS = 60_000;

/** Kinds of refused calls (RPC, status and reason) that one caller may fill in that time; the others are counted as one more. */
export const MAX_REFUSAL_KINDS_PER_CALLER = 32;

/** … and all callers of this process together; beyond it, each caller's new kinds are counted as one. */
export const MAX_REFUSAL_KINDS = 20_000;

/** Callers whose refused calls are told of in that time; those of further ones are a figure in the metrics only. */
export const MAX_REFUSED_CALLERS = 10_000;

/** What is known of refused calls waits this long to be written, so that much goes at once … */
export const REFUSAL_WRITE_MS = 1_000;

/** … and at most so many entries at a time. */
export const MAX_REFUSALS_PER_WRITE = 1_000;

/** At shutdown, what is known of refused calls must be written within this time. */
export const REFUSAL_CLOSE_MS = 1_000;

/** What is kept of a refused call's own reason, in characters: as many as a call may give. */
export const MAX_REFUSAL_REASON_LENGTH = 1_000;
