import { spawn } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { adoptConsole, makeLog } from '../../src/foundation/log.ts';

function capture() {
  const lines: string[] = [];
  return { lines, log: makeLog({ level: 'trace', to: { write: (line: string) => void lines.push(line) } }) };
}

const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
const serviceToken = `docket_ab12cd34_${'x'.repeat(43)}`;

describe('the log', () => {
  it('it writes one JSON object a line, with level and time', () => {
    const { log, lines } = capture();
    log.info({ rpc: 'a/B' }, 'rpc');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', rpc: 'a/B', msg: 'rpc', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) });
  });

  it.each([
    ['a header', { authorization: `Bearer ${jwt}` }],
    ['a header one level down', { headers: { authorization: `Bearer ${jwt}` } }],
    ['a password', { config: { password: 'hunter2' } }],
    ['a token', { token: serviceToken }],
    ['an error that quotes a token', { err: new Error(`cannot verify ${jwt}, nor Bearer hunter2`) }],
    ['an error that quotes a service token', { err: new Error(`no such token: ${serviceToken}`) }],
    ['an error that quotes a database URL', { err: new Error('cannot connect to postgresql://me:hunter2@host/db') }],
  ])('it hides %s', (_name, fields) => {
    const { log, lines } = capture();
    log.error(fields, 'trouble');
    expect(lines.join()).toContain('[hidden]');
    expect(lines.join()).not.toMatch(/hunter2|eyJ|x{43}/);
  });

  it('it takes over what libraries print', () => {
    const { log, lines } = capture();
    const undo = adoptConsole(log);
    try {
      console.error('odd thing %s', 'happened', 'Bearer hunter2');
      console.error('`query` failed in the background after abortion: x');
    } finally {
      undo();
    }
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn', msg: 'odd thing happened Bearer [hidden]' }, { level: 'debug' }]);
  });

  it('it writes a warning at once, also while lines before it are being written', async () => {
    const program = `
      import { makeLog } from ${JSON.stringify(new URL('../../src/foundation/log.ts', import.meta.url).href)};
      // Nothing is written for having been gathered for a second.
      globalThis.setInterval = () => ({ unref: () => undefined });
      const log = makeLog({ level: 'info' });
      for (let at = 0; at < 6; at++) log.info({ at, pad: 'x'.repeat(200) }, 'line');
      log.warn('first');
      log.warn('second');
      process.stdin.resume();`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let written = '';
    for await (const part of child.stdout) {
      written += part;
      if (written.includes('second')) break;
    }
    const messages = written
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).msg);
    expect(messages).toEqual([...Array.from({ length: 6 }, () => 'line'), 'first', 'second']);
  });
});
