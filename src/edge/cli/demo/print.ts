/** Prints one line for people. */
export type Print = (line: string) => void;

const WIDTH = 92;

/** A text in lines of at most 92 characters, broken at blanks: the first begins with `first`, the others with `rest`. */
export function wrap(text: string, first: string, rest: string): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = rest;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}

/** Seconds since this process began, such as `3.4 s`. */
export const sinceStart = (): string => `${(performance.now() / 1000).toFixed(1)} s`;
