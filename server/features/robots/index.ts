export { createRobots, type Robots, type RobotsOptions } from './robots.ts';
export { robotWrites } from './writes.ts';
