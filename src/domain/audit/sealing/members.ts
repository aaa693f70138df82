/** A member of a JSON object, both as they stand in its text. */
export interface Member {
  /** Without quotes; escapes are left as they are. */
  readonly name: string;
  readonly content: string;
}

const [QUOTE, BACKSLASH, COMMA, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [...'"\\,{}[]'].map((sign) => sign.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/**
 * Takes the named members out of an object in canonical JSON, by its text alone: parsing it would cost several times as much, and lose how
 * numbers were written. Answers the text of what is left. Of text that is no such object, anything, but no error.
 */
export function cutMembers(text: string, names: readonly string[], cut: (member: Member) => void): string {
  let left = '';
  let keptFrom = -1;
  let keptTo = 0;
  for (let at = 1; text.charCodeAt(at) === QUOTE; ) {
    const nameEnd = endOfString(text, at);
    const end = endOfValue(text, nameEnd + 2);
    const name = nameIn(text, at + 1, nameEnd - 1, names);
    if (name === undefined) {
      if (keptFrom < 0) keptFrom = at;
      keptTo = end;
    } else {
      if (keptFrom >= 0) left += `${left && ', '}${text.slice(keptFrom, keptTo)}`;
      keptFrom = -1;
      cut({ name, content: text.slice(nameEnd + 2, end) });
    }
    at = end + 2;
  }
  if (keptFrom >= 0) left += `${left && ', '}${text.slice(keptFrom, keptTo)}`;
  return `{${left}}`;
}

/** Which of the names stands there, if any: most members have another length, and need no text of their own. */
function nameIn(text: string, from: number, to: number, names: readonly string[]): string | undefined {
  for (const name of names) if (name.length === to - from && text.startsWith(name, from)) return name;
  return undefined;
}

/** Where a string ends that begins at this quote: after its closing quote, or at the end of the text. */
function endOfString(text: string, from: number): number {
  // Most strings hold nothing that is escaped.
  const quote = text.indexOf('"', from + 1);
  if (quote > from && text.charCodeAt(quote - 1) !== BACKSLASH) return quote + 1;
  for (let at = from + 1; at < text.length; at++) {
    const sign = text.charCodeAt(at);
    if (sign === QUOTE) return at + 1;
    if (sign === BACKSLASH) at += 1;
  }
  return text.length;
}

function endOfValue(text: string, from: number): number {
  if (text.charCodeAt(from) === QUOTE) return endOfString(text, from);
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const sign = text.charCodeAt(at);
    if (sign === QUOTE) at = endOfString(text, at) - 1;
    else if (sign === OPEN_BRACE || sign === OPEN_BRACKET) depth += 1;
    else if (depth === 0 && (sign === COMMA || sign === CLOSE_BRACE)) return at;
    else if (sign === CLOSE_BRACE || sign === CLOSE_BRACKET) depth -= 1;
  }
  return text.length;
}
