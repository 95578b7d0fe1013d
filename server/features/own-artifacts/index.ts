export { type AgentImage, type AgentImages, createAgentImages } from './agent-image.ts';
export { createOwnCharts, type OwnChart, type ProvideChart } from './own-charts.ts';
