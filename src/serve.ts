import { startApp } from './app.ts';
import { curlLines, untilToldToStop } from './edge/cli/serve.ts';
import type { Config } from './foundation/config/index.ts';
import { adoptConsole, type Logger } from './foundation/log.ts';

/** Serves until the process is told to stop. */
export async function serve(config: Config, log: Logger): Promise<void> {
  adoptConsole(log);
  // Listened for from now on: told to stop while it starts, the service starts, and stops in order.
  const told = untilToldToStop();
  const app = await startApp(config, log);
  if (app.tokenIsNew && app.administratorToken) showToken(config, app.server.connectPort, app.administratorToken);
  await told;
  await app.close();
}

function showToken(config: Config, connectPort: number, token: string): void {
  process.stderr.write(
    `\nAn administrator token was made; it is kept in ${config.dataDirectory}/administrator-token. Try:\n\n${curlLines(connectPort, token).join('\n')}\n\n`,
  );
}
