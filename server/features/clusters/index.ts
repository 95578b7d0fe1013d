export { type CallAgent, type Clusters, type ClustersOptions, createClusters } from './clusters.ts';
export { authorityFollowers } from './follower-queries.ts';
