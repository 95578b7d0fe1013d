export { addTrustRoutes, type TrustOptions } from './routes.ts';
