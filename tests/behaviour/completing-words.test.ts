import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { docket, run } from '../support/command.ts';

const BIN = join(import.meta.dirname, '../../bin');

describe('completion', { timeout: 240_000 }, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docket-completion-'));
    await writeFile(join(folder, 'profiles.yaml'), 'profiles:\n  staging: {}\n  production: {}\n');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** What bash itself would offer for the last of these words. */
  async function offered(...words: string[]): Promise<string[]> {
    const script = `source <(docket completion bash)
      complete -p docket >&2
      COMP_WORDS=(docket "$@"); COMP_CWORD=$#
      _docket
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { PATH: `${BIN}${delimiter}${process.env['PATH']}`, DOCKET_PROFILES_FILE: join(folder, 'profiles.yaml') };
    const { out, notes } = await run('bash', ['-c', script, 'bash', ...words], { env });
    expect(notes).toBe('complete -o default -F _docket docket\n');
    return out.split('\n').filter((line) => line !== '');
  }

  it('offers commands, options and their values in bash', async () => {
    expect(await offered('ti')).toEqual(['tickets']);
    expect(await offered('tickets', 're')).toEqual(['reassign']);
    expect(await offered('tickets', 'list', '--un')).toEqual(['--unassigned']);
    expect(await offered('tickets', 'list', '--output', '')).toEqual(['table', 'json', 'ndjson', 'yaml']);
    expect(await offered('tickets', 'list', '--status', 'on')).toEqual(['ON_HOLD']);
    expect(await offered('agents', 'list', '--profile', 'st')).toEqual(['staging']);
  });

  it('offers every RPC of the contract', async () => {
    expect(await offered('call', 'AgentService/')).toEqual(AgentService.methods.map(({ name }) => `AgentService/${name}`));
  });

  it('leaves files and free text to the shell', async () => {
    expect(await offered('import', '')).toEqual([]);
    expect(await offered('nonsense', 'x')).toEqual([]);
  });

  it('has scripts for zsh and fish as well', async () => {
    expect((await docket(['completion', 'zsh'])).out).toMatch(/^#compdef docket\n/);
    expect((await docket(['completion', 'fish'])).out).toContain('complete -c docket');
  });
});
