import { join, resolve } from 'node:path';
import type { Config } from '../../../foundation/config/index.ts';
import type { Reachable } from '../reach.ts';
import { findProfile, profilesFileOf } from './file.ts';

/**
 * How commands on this machine reach a service: what the environment says, else the profile, else the service of this machine.
 * @throws UsageWrong when there is no such profile.
 */
export async function findReachable(config: Config, profileName: string | undefined): Promise<Reachable> {
  const profile = await findProfile(profilesFileOf(config), profileName ?? config.profile);
  const { caFile, clientCertFile, clientKeyFile, tlsCertFile } = config;
  const address = config.address ?? profile?.address;
  return {
    address: address ?? `${tlsCertFile === undefined ? 'http' : 'https'}://127.0.0.1:${config.grpcPort}`,
    token: config.token ?? profile?.token,
    tokenFile: join(resolve(config.dataDirectory), 'administrator-token'),
    profileTokenFile: profile?.token_file,
    trust: {
      caFile: caFile ?? profile?.ca_file,
      clientCertFile: clientCertFile ?? profile?.client_cert_file,
      clientKeyFile: clientKeyFile ?? profile?.client_key_file,
      ownCertFile: address === undefined ? tlsCertFile : undefined,
    },
  };
}
