import { stringify } from 'yaml';
import type { KubernetesObject } from './object.ts';

/** Documents that `kubectl apply` reads. */
export function manifestYaml(objects: readonly KubernetesObject[]): string {
  return objects.map((object) => `---\n${documentYaml(object)}`).join('');
}

/**
 * As kubectl reads YAML: by the rules of 1.1, where `on` and `012` are no strings. Values are never
 * anchors, so that a document reads by itself.
 */
export function documentYaml(object: object): string {
  return stringify(object, { version: '1.1', aliasDuplicateObjects: false, lineWidth: 0 });
}
