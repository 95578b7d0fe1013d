export type { Examined, Health } from './health.ts';
export { createMonitoring, type Monitoring } from './monitoring.ts';
export { isProbe } from './probe-routes.ts';
