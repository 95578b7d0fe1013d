export { ensureTools, type ToolPaths } from './cache.ts';
export { aptPackages, ensureDebianPackages } from './debian.ts';
export { type Recipe, type RecipeName, recipes } from './recipes.ts';
