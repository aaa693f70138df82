// Who may import whom. `npm run lint:dependencies` holds it; docs/architecture.md explains it.
// Three layers, one arrow: edge → domain → foundation. Only the composition root (src/*.ts) sees all three.

/** The subjects of src/domain, low to high. A folder imports only those before it. */
const ladder = ['access', 'audit', 'groups', 'agents', 'assignment', 'operations', 'imports', 'tickets', 'history', 'files', 'simulation'];

const domain = (folders) => `^src/domain/(${folders.join('|')})/`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'foundation-stands-alone',
      comment: 'The foundation knows no tickets: neither the layers above it nor the contract.',
      severity: 'error',
      from: { path: '^src/foundation/' },
      to: { path: '^(src/(?!foundation/)|gen/)' },
    },
    {
      name: 'domain-below-edge',
      comment: 'The domain does not know how the world reaches it.',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { path: '^src/(?!foundation/|domain/)' },
    },
    {
      name: 'edge-below-root',
      comment: 'The composition root hands the edge what it needs; the edge does not fetch it there.',
      severity: 'error',
      from: { path: '^src/edge/' },
      to: { path: '^src/[^/]+\\.ts$' },
    },
    {
      name: 'client-stands-alone',
      comment: 'The client runs in other programs: it knows the contract, and nothing of the service.',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { path: '(^src/(?!client/)|(^|/)node_modules/(?!(@bufbuild/protobuf|@connectrpc/(connect|connect-node))/))' },
    },
    {
      name: 'client-through-its-door',
      comment: 'Whoever calls a service takes the client from its index.ts.',
      severity: 'error',
      from: { path: '^(src|tests|scripts)/', pathNot: '^src/client/' },
      to: { path: '^src/client/', pathNot: '^src/client/index\\.ts$' },
    },
    {
      name: 'client-for-browsers-too',
      comment: 'All but docket-client.ts works in a browser, over a transport that it is given.',
      severity: 'error',
      from: { path: '^src/client/', pathNot: '^src/client/(docket-client|index)\\.ts$' },
      to: { path: '(^src/client/(docket-client|index)\\.ts$|(^|/)node_modules/@connectrpc/connect-node/)' },
    },
    {
      name: 'client-without-node',
      comment: 'Nor does anything else of it need a module of Node.',
      severity: 'error',
      from: { path: '^src/client/', pathNot: '^src/client/docket-client\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'domain-without-transport',
      comment: 'Messages come from gen/; the libraries that carry them belong to the edge.',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { path: '(^|/)node_modules/(@grpc|@connectrpc)/' },
    },
    {
      name: 'rules-are-pure',
      comment: 'rules.ts decides without ORM, database or platform, so that it can be tested and replayed anywhere.',
      severity: 'error',
      from: { path: '^src/domain/[^/]+/rules\\.ts$' },
      to: { path: '(^src/foundation/(database|jobs|config)|(^|/)node_modules/(@mikro-orm/[^/]+|pg|kysely|pg-boss))/', dependencyTypesNot: ['type-only'] },
    },
    ...ladder.map((folder, rung) => ({
      name: `ladder-${folder}`,
      comment: `${folder} imports only lower folders. What would point upward is an event.`,
      severity: 'error',
      from: { path: domain([folder]) },
      to: { path: '^src/domain/', pathNot: domain(ladder.slice(0, rung + 1)) },
    })),
    {
      name: 'ladder-is-complete',
      comment: 'A folder of src/domain that the ladder does not name has no place yet: add it to the ladder.',
      severity: 'error',
      from: { path: '^src/domain/', pathNot: domain(ladder) },
      to: {},
    },
    {
      name: 'domain-through-its-door',
      comment: 'Another subject is reached through its index.ts alone.',
      severity: 'error',
      from: { path: '^src/domain/([^/]+)/' },
      to: { path: '^src/domain/', pathNot: '^src/domain/($1/|[^/]+/index\\.ts$)' },
    },
    {
      name: 'door-for-the-edge-too',
      comment: 'The edge and the composition root reach a subject through its index.ts alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/domain/' },
      to: { path: '^src/domain/', pathNot: '^src/domain/[^/]+/index\\.ts$' },
    },
    {
      name: 'no-inner-use-of-the-door',
      comment: 'A folder does not go out of its own door to come back in: that makes cycles.',
      severity: 'error',
      from: { path: '^src/domain/([^/]+)/' },
      to: { path: '^src/domain/$1/index\\.ts$' },
    },
    {
      name: 'tests-are-leaves',
      comment: 'Nothing imports tests but tests.',
      severity: 'error',
      from: { path: '^(src|scripts|gen)/' },
      to: { path: '^tests/' },
    },
    {
      name: 'service-without-scripts',
      comment: 'The service runs without the scripts of its makers.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^scripts/' },
    },
    {
      name: 'service-without-dev-dependencies',
      comment: 'What the service imports is among the dependencies of package.json, not the devDependencies.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one file, or three.',
      severity: 'error',
      from: { path: '^(src|tests|scripts)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-cycles-of-types',
      // A handler is given the unit of work that announces to it, a call carries out commands that know their caller:
      // these types describe each other, and nothing of it is left at run time.
      comment: 'Types that need each other live together, but for a call, its commands and their events.',
      severity: 'error',
      from: { path: '^(src|tests|scripts)/', pathNot: '^src/foundation/(context|commands/(command|events)|database/requests)\\.ts$' },
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A file that nothing imports, and that imports nothing, is left over.',
      severity: 'error',
      from: { orphan: true, path: '^(src|tests|scripts)/', pathNot: '\\.test\\.ts$' },
      to: {},
    },
    {
      name: 'all-found',
      comment: 'Every import leads somewhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: '^(node_modules|gen)/' },
    // Types count: a layer that knows another's types knows the layer.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'], extensions: ['.ts', '.js', '.json'] },
    skipAnalysisNotInRules: true,
  },
};
