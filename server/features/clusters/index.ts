export type { CallAgent } from './call-agent.ts';
export { type Clusters, createClusters } from './clusters.ts';
export { authorityFollowers } from './follower-queries.ts';
