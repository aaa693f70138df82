import { join, resolve } from 'node:path';
import type { Config } from '../../../foundation/config/index.ts';
import type { Reachable } from '../reach.ts';

/** How commands on this machine reach a service: what the environment says, else the profile, else the service of this machine. */
export async function findReachable(config: Config, _profileName: string | undefined): Promise<Reachable> {
  const { caFile, clientCertFile, clientKeyFile, tlsCertFile: ownCertFile } = config;
  return {
    address: `${ownCertFile === undefined ? 'http' : 'https'}://127.0.0.1:${config.grpcPort}`,
    token: config.token,
    tokenFile: join(resolve(config.dataDirectory), 'administrator-token'),
    trust: { caFile, clientCertFile, clientKeyFile, ownCertFile },
  };
}
