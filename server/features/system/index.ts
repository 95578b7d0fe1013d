export { addSystemRoutes, type ComponentHealth } from './routes.ts';
