export { addSystemRoutes, type ComponentHealth, type SystemRoutesOptions } from './routes.ts';
