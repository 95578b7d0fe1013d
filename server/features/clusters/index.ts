export { authorityFollowers } from './follower-queries.ts';
