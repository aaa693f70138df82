// The service as it is, but for CreateTicket: that goes through one unit of work of the ORM for each request.
import { FlushMode } from '@mikro-orm/postgresql';
import { TicketService } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { startApp } from '../../../../src/app.ts';
import { ticketHandlers } from '../../../../src/domain/tickets/index.ts';
import { untilToldToStop } from '../../../../src/edge/cli/serve.ts';
import { route } from '../../../../src/edge/rpc/endpoints.ts';
import { routes } from '../../../../src/edge/rpc/routes.ts';
import { entities } from '../../../../src/entities.ts';
import { loadConfig } from '../../../../src/foundation/config/index.ts';
import { migrate } from '../../../../src/foundation/database/migrate.ts';
import { openOrm } from '../../../../src/foundation/database/orm.ts';
import { adoptConsole, makeLog } from '../../../../src/foundation/log.ts';
import { createTicketByUnitOfWork } from './create-ticket.ts';
import { handWrittenTables } from './entities.ts';

const config = loadConfig(process.env);
const log = makeLog({ level: config.logLevel });
adoptConsole(log);
const told = untilToldToStop();
const url = config.databaseUrl;
if (url === undefined) throw new Error('DATABASE_URL must name the database');
await migrate({ url });
// Calls wait for the pool's lock and for nothing else, as long as it takes on a slow machine.
const orm = await openOrm({
  url,
  poolSize: 80,
  statementTimeoutMs: 120_000,
  lockTimeoutMs: 120_000,
  entities: [...entities, ...handWrittenTables],
});
const tickets = route(TicketService, {
  ...ticketHandlers,
  createTicket: (request, ctx) => orm.em.fork().transactional((em) => createTicketByUnitOfWork(em, request, ctx), { flushMode: FlushMode.COMMIT }),
});
const app = await startApp(
  config,
  log,
  routes.map((each) => (each.service === TicketService ? tickets : each)),
);
await told;
await app.close();
await orm.close(true);
