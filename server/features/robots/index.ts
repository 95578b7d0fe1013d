export { createRobots, type Robots, type RobotsOptions } from './robots.ts';
