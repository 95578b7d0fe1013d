import type { KubernetesObject } from '../object.ts';
import { documentYaml } from '../yaml.ts';

/*
 * Objects of which some values are Helm's to fill in. Such a value is a string between marks that
 * no other string holds, and its place in the YAML becomes an action of Helm's template language.
 */

const opening = '\u27ea';
const closing = '\u27eb';
const action = /(["']?)\u27ea([^\u27eb]*)\u27eb\1/g;

/** A whole value that Helm fills in by `expression`, which gives YAML on one line. */
export function filledIn(expression: string): string {
  return `${opening}${expression}${closing}`;
}

/**
 * The document as a template. Whatever else it holds is text for Helm too.
 * @throws {Error} for a value that Helm would take for an action of its own
 */
export function templateOf(object: KubernetesObject): string {
  const yaml = documentYaml(object);
  if (yaml.includes('{{')) throw new Error(`${object.kind} holds "{{", which Helm would read.`);
  return `---\n${yaml.replaceAll(action, (_match, _quote, expression) => `{{ ${expression} }}`)}`;
}

/** What is part of the answer only where `condition` holds. */
export function onlyIf(condition: string, template: string): string {
  return `{{- if ${condition} }}\n${template}{{- end }}\n`;
}
