/** Names of the statements that connections keep prepared, by their text. */
const names = new Map<string, string>();

/**
 * Marks a fixed text as one that every connection keeps prepared: the server parses and plans it once for a
 * connection instead of at each call. Only for texts written in the source, and not for those whose best plan
 * depends on their values.
 */
export function prepared(text: string): string {
  if (!names.has(text)) names.set(text, `docket_${names.size + 1}`);
  return text;
}

/** The name under which a connection keeps a text prepared; undefined for all other texts. */
export const preparedName = (text: string): string | undefined => names.get(text);
