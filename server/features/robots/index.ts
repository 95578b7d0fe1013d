export { createRobots } from './robots.ts';
