export type { Examined, Health } from './health.ts';
export { createMonitoring } from './monitoring.ts';
export { isProbe } from './probe-routes.ts';
