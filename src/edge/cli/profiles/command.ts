import { resolve } from 'node:path';
import { text as textOfStream } from 'node:stream/consumers';
import { defineCommand } from 'citty';
import type { Config } from '../../../foundation/config/index.ts';
import { urlOf } from '../client.ts';
import { note, printResult } from '../output/print.ts';
import { tableOf } from '../rpc/answer.ts';
import { text } from '../rpc/session.ts';
import { explained } from '../running/command.ts';
import { CommandRefused, UsageWrong } from '../running/failures.ts';
import { assertProfileName, type Profile, profilesFileOf, readProfiles, writeProfiles } from './file.ts';

type FindConfig = () => Promise<Config>;

const nameArgument = { type: 'positional', required: true, description: 'Its name' } as const;

/** `docket profile …` */
export const makeProfileCommand = (config: FindConfig) =>
  defineCommand({
    meta: { description: 'Keep the services that you work with, by name: addresses, tokens, certificates' },
    subCommands: {
      list: makeListCommand(config),
      show: makeShowCommand(config),
      set: makeSetCommand(config),
      use: makeUseCommand(config),
      remove: makeRemoveCommand(config),
    },
  });

const makeListCommand = (config: FindConfig) =>
  explained(
    { examples: ['profile list'] },
    defineCommand({
      meta: { description: 'List the profiles; the default one has a star' },
      async run() {
        const file = profilesFileOf(await config());
        const { default: usual, profiles } = await readProfiles(file);
        const rows = Object.entries(profiles).map(([name, profile]) => [name === usual ? '*' : '', name, profile.address ?? '', whereTokenIs(profile)]);
        if (rows.length === 0) note(`There are no profiles in ${file}; docket profile set makes one.`);
        else await printResult(`${tableOf(['', 'PROFILE', 'ADDRESS', 'TOKEN'], rows)}\n`);
      },
    }),
  );

const makeShowCommand = (config: FindConfig) =>
  explained(
    { examples: ['profile show staging'] },
    defineCommand({
      meta: { description: 'Show a profile; its token stays hidden' },
      args: { name: nameArgument },
      async run({ args }) {
        const profile = await existing(profilesFileOf(await config()), args.name);
        const shown = Object.entries(profile).map(([field, value]) => [field, field === 'token' ? '(hidden)' : (value ?? '')]);
        await printResult(`${tableOf(['FIELD', 'VALUE'], shown)}\n`);
      },
    }),
  );

const makeSetCommand = (config: FindConfig) =>
  explained(
    {
      examples: [
        'profile set staging --address https://docket.staging.example.org --token-file ~/staging-token --ca staging-ca.pem',
        'profile set laptop --address 127.0.0.1:50051 --token-stdin --default',
      ],
      more: 'Only what is named is changed; an empty value takes it out. Options of a command count before the environment, that before the profile.',
    },
    defineCommand({
      meta: { description: 'Make a profile, or change one' },
      args: {
        name: nameArgument,
        address: text('host:port of either RPC port, or a URL; https://… for TLS', 'host:port'),
        'token-file': text('The file with the token; it is read at each call', 'file'),
        'token-stdin': { type: 'boolean', description: 'Keep the token that comes through standard input' },
        ca: text('Authorities to believe under TLS', 'file'),
        cert: text('The certificate to show to a service that asks for one', 'file'),
        key: text('Its private key', 'file'),
        default: { type: 'boolean', description: 'Use it where no profile is named' },
      },
      async run({ args }) {
        const file = profilesFileOf(await config());
        assertProfileName(args.name);
        const profiles = await readProfiles(file);
        if (args.address) urlOf(args.address);
        const given = {
          address: args.address,
          token_file: fromHere(args['token-file']),
          token: args['token-stdin'] ? await tokenFromInput() : undefined,
          ca_file: fromHere(args.ca),
          client_cert_file: fromHere(args.cert),
          client_key_file: fromHere(args.key),
        };
        const named = Object.entries(given).filter(([, value]) => value !== undefined);
        // Of two tokens nobody would know which one counts.
        if (given.token_file) named.push(['token', '']);
        else if (given.token) named.push(['token_file', '']);
        const profile = Object.fromEntries(
          Object.entries({ ...profiles.profiles[args.name], ...Object.fromEntries(named) }).filter(([, value]) => value !== ''),
        );
        const isFirst = Object.keys(profiles.profiles).length === 0;
        await writeProfiles(file, {
          ...profiles,
          profiles: { ...profiles.profiles, [args.name]: profile },
          ...((args.default || isFirst) && { default: args.name }),
        });
        note(`Profile ${args.name} is in ${file}${args.default || isFirst ? ', as the default one' : ''}.`);
      },
    }),
  );

/** A file as it is meant on the command line: the profile is read from elsewhere. Empty takes the setting out. */
const fromHere = (file: string | undefined): string | undefined => (file && !file.startsWith('~/') ? resolve(file) : file);

const makeUseCommand = (config: FindConfig) =>
  explained(
    { examples: ['profile use staging'] },
    defineCommand({
      meta: { description: 'Make a profile the default one' },
      args: { name: nameArgument },
      async run({ args }) {
        const file = profilesFileOf(await config());
        await existing(file, args.name);
        await writeProfiles(file, { ...(await readProfiles(file)), default: args.name });
        note(`Profile ${args.name} is the default one.`);
      },
    }),
  );

const makeRemoveCommand = (config: FindConfig) =>
  explained(
    { examples: ['profile remove staging'] },
    defineCommand({
      meta: { description: 'Forget a profile, and its token with it' },
      args: { name: nameArgument },
      async run({ args }) {
        const file = profilesFileOf(await config());
        await existing(file, args.name);
        const { default: usual, profiles } = await readProfiles(file);
        const { [args.name]: _removed, ...others } = profiles;
        await writeProfiles(file, { profiles: others, ...(usual !== undefined && usual !== args.name && { default: usual }) });
        note(`Profile ${args.name} is gone.`);
      },
    }),
  );

async function existing(file: string, name: string): Promise<Profile> {
  const { profiles } = await readProfiles(file);
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (!profile) throw new CommandRefused(`${file} has no profile ${JSON.stringify(name)}`);
  return profile;
}

async function tokenFromInput(): Promise<string> {
  const token = (await textOfStream(process.stdin)).trim();
  if (token === '' || /\s/.test(token)) throw new UsageWrong('no token came through standard input; it is one word');
  return token;
}

function whereTokenIs({ token, token_file: file }: Profile): string {
  if (token !== undefined) return 'kept here';
  return file ?? 'none';
}
