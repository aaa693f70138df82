import { SingleBar } from 'cli-progress';
import type { Progress } from './import/run.ts';

/** A bar on standard error such as `tickets ━━━━━━╌╌╌╌ 120/300`; where that is no terminal, a line every two seconds. */
export function progressBar(what: string): Progress {
  const bar = new SingleBar({
    format: `  ${what} {bar} {value}/{total}  {duration_formatted}`,
    barCompleteChar: '━',
    barIncompleteChar: '╌',
    barsize: 36,
    hideCursor: true,
    noTTYOutput: true,
    // Whoever starts the bar also ends the process in order.
    gracefulExit: false,
  });
  return {
    begin: (total) => bar.start(total, 0),
    update: (done) => bar.update(done),
    end: () => bar.stop(),
  };
}
