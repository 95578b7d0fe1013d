export { addTrustRoutes } from './routes.ts';
