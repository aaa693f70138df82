export { hasCluster } from './cluster.ts';
export { type EmbeddedServer, type EmbeddedServerOptions, startEmbeddedServer } from './server.ts';
