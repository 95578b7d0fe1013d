import { projectWrites } from '#features/projects/writes';
import { registryWrites } from '#features/registry/writes';

export const writes = [...projectWrites, ...registryWrites];
