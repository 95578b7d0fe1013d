export { type AgentImage, type AgentImages, createAgentImages } from './agent-image.ts';
