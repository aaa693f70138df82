/** Resolves when the process is told to stop (Ctrl-C or SIGTERM); further signals change nothing. */
export function untilToldToStop(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(signal));
  });
}

/** Things that are there to be called about. */
export interface Example {
  readonly groupId: string;
  /** Id or key. */
  readonly ticketId: string;
}

/** How a service with TLS is called. */
export interface Secured {
  /** A name that its certificate has. */
  readonly name: string;
  /** A file with the authority to believe; undefined when the machine knows it. */
  readonly caFile: string | undefined;
  /** Whether callers show a certificate of their own. */
  readonly asksForClients: boolean;
}

/** Lines to paste that call a running service, with its own token; tried by the tests as they stand. */
export function curlLines(
  connectPort: number,
  token: string,
  more: { readonly example?: Example | undefined; readonly secured?: Secured | undefined } = {},
): string[] {
  const { example, secured } = more;
  const url = `${secured ? `https://${secured.name}` : 'http://127.0.0.1'}:${connectPort}/ticketing.v1`;
  const auth = `-H 'authorization: Bearer ${token}'`;
  const tls = `${secured?.caFile === undefined ? '' : ` --cacert '${secured.caFile}'`}${secured?.asksForClients ? " --cert 'YOURS.crt' --key 'YOURS.key'" : ''}`;
  const buf = `npx buf curl${secured ? tls : ' --http2-prior-knowledge'} --reflect-header 'authorization: Bearer ${token}' ${auth}`;
  const json = `curl -s${tls} ${auth} -H 'content-type: application/json'`;
  const lines = [
    `${buf} ${url}.GroupService/ListGroups`,
    `${buf} -d '{"filter":"status == OPEN && priority >= HIGH","page_size":3}' ${url}.TicketService/ListTickets`,
  ];
  if (example) {
    lines.push(
      `${buf} -d '{"group_id":"${example.groupId}","user_id":4711,"priority":"PRIORITY_URGENT","title":"Cannot log in"}' ${url}.TicketService/CreateTicket`,
      `${buf} -d '{"ticket_id":"${example.ticketId}"}' ${url}.TicketService/ExplainAssignment`,
    );
  }
  lines.push(`${json} -d '{"unassigned":true}' ${url}.TicketService/ListTickets`);
  return lines;
}
