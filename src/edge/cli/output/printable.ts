/**
 * What a terminal would obey instead of show: control characters, those that turn the direction of writing, and separators of lines that are
 * not line feeds. Line feeds and tabs count too: where they are meant, they are written by the program itself.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const COMMANDING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A text of somebody else on one line, with nothing in it that a terminal obeys: such characters are shown as `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(COMMANDING, (character) => (character === '\n' ? '\\n' : escaped(character)));
}

/** The same for several lines: line feeds stay. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** JSON or a double-quoted YAML text that means the same, with every such character inside its strings escaped. */
export function printableJson(json: string): string {
  return json.replaceAll(COMMANDING, (character) => (character === '\n' ? '\n' : escaped(character)));
}

/** Whether a text holds such a character, apart from line feeds. */
export function needsEscapes(text: string): boolean {
  return text.replaceAll('\n', '').search(COMMANDING) >= 0;
}
