import { Document, isScalar, visit } from 'yaml';
import { needsEscapes, printableJson } from './printable.ts';

/** A value as pretty JSON, or on one line. What a terminal would obey is escaped. */
export function jsonOf(value: unknown, spaces: 0 | 2 = 2): string {
  return printableJson(JSON.stringify(value, undefined, spaces));
}

/** A value as YAML, ending with a line feed. What a terminal would obey is escaped. */
export function yamlOf(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      // Only there are escapes known; anywhere else the character would stand raw.
      if (isScalar(node) && typeof node.value === 'string' && needsEscapes(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return printableJson(document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER }));
}
