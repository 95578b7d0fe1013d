export { addSystemRoutes, type HealthCheck, type SystemRoutesOptions } from './routes.ts';
