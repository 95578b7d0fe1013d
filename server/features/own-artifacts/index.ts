export { type AgentImage, type AgentImages, createAgentImages } from './agent-image.ts';
export { createOwnCharts, type ProvideChart } from './own-charts.ts';
