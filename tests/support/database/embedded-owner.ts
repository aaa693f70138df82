import { createInterface } from 'node:readline';
import { startEmbeddedServer } from '../../../src/foundation/database/embedded/index.ts';

// A process that has an embedded server open, for tests that kill it. It prints what the server logs, then
// `url …`, and closes when its input ends.
const server = await startEmbeddedServer({
  dataDirectory: process.argv[2] ?? '',
  fastForTests: true,
  log: (line) => console.log(line),
});
console.log(`url ${server.url}`);
createInterface(process.stdin).once('close', () => void server.close());
