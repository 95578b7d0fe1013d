import { chartWrites } from '#features/charts/writes';
import { projectWrites } from '#features/projects/writes';
import { registryWrites } from '#features/registry/writes';

export const writes = [...chartWrites, ...projectWrites, ...registryWrites];
