import type { ProjectChange } from '#contract/projects.ts';
import { Refusal } from '#lib/errors.ts';

/**
 * Whether a request makes a project public; undefined where it does not say. What would only
 * pretend to protect a project is refused; other settings of Harbor are passed over.
 * @throws {Refusal} `invalid`
 */
export function publicOf(settings: ProjectChange): boolean | undefined {
  const { metadata } = settings;
  if (typeof settings.registry_id === 'number' && settings.registry_id !== 0) {
    throw refused('registry_id', 'proxy caches of other registries');
  }
  if (typeof settings.storage_limit === 'number' && settings.storage_limit > 0) {
    throw refused('storage_limit', 'storage limits');
  }
  if (metadata?.prevent_vul === 'true') {
    throw refused('metadata.prevent_vul', 'a gate against vulnerable images');
  }
  if (metadata?.enable_content_trust === 'true') {
    throw refused('metadata.enable_content_trust', 'a gate against unsigned images');
  }
  if (metadata?.enable_content_trust_cosign === 'true') {
    throw refused('metadata.enable_content_trust_cosign', 'a gate against unsigned images');
  }
  const stated = metadata?.public;
  return typeof stated === 'string' ? stated === 'true' : (settings.public ?? undefined);
}

function refused(field: string, feature: string): Refusal {
  return new Refusal('invalid', `This server has no ${feature}: leave ${field} out.`);
}
