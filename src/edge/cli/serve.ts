/** Resolves when the process is told to stop (Ctrl-C or SIGTERM); further signals change nothing. */
export function untilToldToStop(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(signal));
  });
}

/** Lines to paste that call a running service, with its own token; tried by the tests as they stand. */
export function curlLines(connectPort: number, token: string): string[] {
  const url = `http://127.0.0.1:${connectPort}`;
  const auth = `-H 'authorization: Bearer ${token}'`;
  const reflect = `--reflect-header 'authorization: Bearer ${token}'`;
  return [
    `npx buf curl --http2-prior-knowledge ${reflect} ${auth} ${url}/ticketing.v1.GroupService/ListGroups`,
    `npx buf curl --http2-prior-knowledge ${reflect} ${auth} -d '{"page_size":3}' ${url}/ticketing.v1.TicketService/ListTickets`,
    `curl -s ${auth} -H 'content-type: application/json' -d '{"unassigned":true}' ${url}/ticketing.v1.TicketService/ListTickets`,
  ];
}
