import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { occurrences, root, sources, typescript } from './sources.ts';

/** The names that mean the same in every folder of the domain. */
const shared = ['index', 'entity', 'errors', 'events', 'rules', 'commands', 'queries', 'jobs', 'message', 'rpc'];
const subjects = readdirSync(join(root, 'src/domain'), { withFileTypes: true })
  .filter((each) => each.isDirectory())
  .map((each) => each.name);

describe.each(subjects)('the folder of %s', (subject) => {
  const folder = `src/domain/${subject}`;
  const files = sources(`${folder}/**/*.ts`);
  const readme = sources(`${folder}/README.md`)[0]?.text;

  it('has a door and a README of at most fifty lines', () => {
    expect(files.map(({ path }) => path)).toContain(`${folder}/index.ts`);
    expect(readme, `${folder}/README.md`).toBeDefined();
    expect(readme?.split('\n').length).toBeLessThanOrEqual(50);
  });

  it('keeps to the shared file names, and says in its README what every other file is for', () => {
    const others = readdirSync(join(root, folder))
      .filter((name) => name !== 'README.md' && name !== 'commands' && !shared.includes(name.replace(/\.ts$/, '')))
      .map((name) => (name.endsWith('.ts') ? name : `${name}/`));
    expect(others.filter((name) => !readme?.includes(`\`${name}\``))).toEqual([]);
  });

  it('has its tables in entity.ts, its errors in errors.ts, its events in events.ts', () => {
    const outside = (name: string) => files.filter(({ path }) => path !== `${folder}/${name}`);
    expect(occurrences(outside('entity.ts'), /\bdefineEntity\(/)).toEqual([]);
    expect(occurrences(outside('errors.ts'), /\bextends DomainError\b/)).toEqual([]);
    expect(occurrences(outside('events.ts'), /\bdefineEvent\b/)).toEqual([]);
  });

  it('decides in rules.ts without waiting for anything', () => {
    const rules = files.filter(({ path }) => path === `${folder}/rules.ts`);
    expect(occurrences(rules, /\basync\b|\bawait\b|\bsql\b/)).toEqual([]);
  });

  it('exports nothing from its door that is not named there', () => {
    expect(occurrences(sources(`${folder}/index.ts`), /export \*/)).toEqual([]);
  });
});

describe('the names of files', () => {
  const files = [...typescript(), ...sources('src/**/*.sql', 'docs/**/*.md')];

  it('are words with hyphens', () => {
    const names = files.map(({ path }) => path).filter((path) => !/^[a-z0-9.-]+$/.test(basename(path)) && basename(path) !== 'README.md');
    expect(names).toEqual([]);
  });

  it('say what is inside', () => {
    const empty = /(^|[-/])(utils?|helpers?|managers?|common|misc|stuff|lib)(\.|-|\/)/;
    // In the tests "the service" is Docket itself; in the sources a file named so would be a heap of functions.
    const heap = /^src\/(?!.*\bservice-tokens?\b).*(^|[-/])services?(\.|-|\/)/;
    expect(files.map(({ path }) => path).filter((path) => empty.test(path) || heap.test(path))).toEqual([]);
  });

  it('and of classes and functions too', () => {
    expect(occurrences(typescript(), /\b(class|function|interface)\s+\w*(Manager|Helper|Utils?)\b|\bclass\s+\w*Service\b/)).toEqual([]);
  });
});
