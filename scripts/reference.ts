import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failuresOf, reasonsOf } from './contract/failures.ts';
import { type Contract, readContract } from './contract/read.ts';
import { enumText, messageText, Places, rpcText } from './reference-text.ts';

/** Where the reference is. */
export const REFERENCE_FOLDER = join(import.meta.dirname, '../docs/reference');

const mark = '<!-- Written by `npm run reference` from the contract: change proto/ instead. A test holds it fresh. -->';

/** The reference of the contract: texts by the names of their files. */
export function reference(contract: Contract): Map<string, string> {
  const places = new Places(contract);
  const pages = new Map<string, string>([['README.md', overview(contract, places)]]);
  for (const service of contract.services) {
    const rpcs = service.methods.map((method) => rpcText(contract, places, method));
    pages.set(places.pageOf(service), [mark, `# ${service.name}`, ...contract.paragraphsOf(service), ...rpcs].join('\n\n'));
  }
  const spoken = new Set(contract.methods.flatMap(({ input, output }) => [input, output]));
  const messages = contract.messages.filter((message) => !spoken.has(message)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  pages.set('messages.md', [mark, '# Messages', ...messages.map((each) => messageText(contract, places, each, '##'))].join('\n\n'));
  const enums = contract.enums.filter((each) => each.name !== 'ErrorReason').toSorted((a, b) => (a.name < b.name ? -1 : 1));
  pages.set('enums.md', [mark, '# Enums', ...enums.map((each) => enumText(contract, each))].join('\n\n'));
  pages.set('errors.md', errors(contract, places));
  return new Map([...pages].map(([name, text]) => [name, `${text}\n`]));
}

function overview(contract: Contract, places: Places): string {
  const lists = contract.services.map((service) => {
    const rpcs = service.methods.map((method) => `| [${method.name}](${places.linkTo(method)}) | ${contract.paragraphsOf(method)[0]?.split(/(?<=\.) /)[0]} |`);
    return [`## [${service.name}](${places.pageOf(service)})`, '', ...contract.paragraphsOf(service), '', '| RPC | |', '|---|---|', ...rpcs].join('\n');
  });
  return [
    mark,
    '# Reference',
    'Every RPC with its fields, their rules, who may call it and how it fails. Further: [messages](messages.md), [enums](enums.md), [errors](errors.md). How to call: [clients](../clients.md).',
    ...lists,
  ].join('\n\n');
}

function errors(contract: Contract, places: Places): string {
  const of = contract.enums.find((each) => each.name === 'ErrorReason');
  const rows = failuresOf(contract).map(({ reason, status, scope, meaning }) => {
    const methods = contract.methods.filter((method) => reasonsOf(contract, method).includes(reason));
    const by = [scope, ...methods.map((method) => `[${method.name}](${places.linkTo(method)})`)].filter((each) => each !== '');
    return `| <a id="${reason.toLowerCase()}"></a>\`${reason}\` | ${status} | ${meaning.replaceAll('|', '\\|')} | ${by.join(', ')} |`;
  });
  return [mark, '# Errors', of ? contract.commentOf(of) : '', ['| reason | status | meaning | RPCs |', '|---|---|---|---|', ...rows].join('\n')].join('\n\n');
}

if (import.meta.main) {
  rmSync(REFERENCE_FOLDER, { recursive: true, force: true });
  mkdirSync(REFERENCE_FOLDER, { recursive: true });
  for (const [name, text] of reference(readContract())) writeFileSync(join(REFERENCE_FOLDER, name), text);
}
