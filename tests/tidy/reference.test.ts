import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OPENAPI_FILE, openapi } from '../../scripts/openapi.ts';
import { REFERENCE_FOLDER, reference } from '../../scripts/reference.ts';
import { readContract } from '../contract/contract.ts';

const contract = readContract();
const pages = reference(contract);

describe('the reference', () => {
  it('is what the contract says now', () => {
    expect(readdirSync(REFERENCE_FOLDER).toSorted(), 'run `npm run reference`').toEqual([...pages.keys()].toSorted());
    for (const [name, text] of pages) expect(readFileSync(join(REFERENCE_FOLDER, name), 'utf8') === text, `${name}: run \`npm run reference\``).toBe(true);
  });

  it('has every RPC, message, field, enum, value and reason, with its comment', () => {
    const all = [...pages.values()].join('\n').replaceAll('\\|', '|');
    const rows = [...contract.messages.flatMap((message) => message.fields), ...contract.enums.flatMap((one) => one.values)];
    const said = (comment: string): boolean => all.includes(comment) || all.includes(comment.slice(comment.indexOf('. ') + 2));
    for (const each of rows)
      if (!each.name.startsWith('ERROR_REASON_')) expect(all.includes(`\`${each.name}\``) && said(contract.commentOf(each)), String(each)).toBe(true);
    for (const each of [...contract.services.flatMap(({ methods }) => methods), ...contract.messages])
      expect(all).toMatch(new RegExp(`^#+ ${each.name}$`, 'm'));
    for (const { name } of contract.enums.find((each) => each.name === 'ErrorReason')?.values.slice(1) ?? [])
      expect(all).toContain(`\`${name.replace('ERROR_REASON_', '')}\` | `);
  });

  it('leads nowhere that is not there', () => {
    const anchors = new Map([...pages].map(([name, text]) => [name, anchorsOf(text)]));
    const links = [...pages.values()].flatMap((text) => [...text.matchAll(/\]\(([\w-]+\.md)(#[\w-]+)?\)/g)]);
    expect(links.length).toBeGreaterThan(100);
    for (const [, page = '', anchor] of links) {
      expect([...pages.keys()]).toContain(page);
      if (anchor) expect(anchors.get(page), page).toContain(anchor);
    }
  });
});

describe('the OpenAPI document', () => {
  it('is what the contract says now', () => {
    expect(readFileSync(OPENAPI_FILE, 'utf8') === `${JSON.stringify(openapi(contract), undefined, 1)}\n`, 'run `npm run openapi`').toBe(true);
  });
});

function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ \[?([\w ]+)/gm)].map(([, heading = '']) => `#${heading.toLowerCase().replaceAll(' ', '-')}`);
  return [...headings, ...[...text.matchAll(/<a id="([\w-]+)">/g)].map(([, id]) => `#${id}`)];
}
