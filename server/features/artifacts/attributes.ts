import { isJsonObject, type JsonObject } from '#oci/json.ts';

/** What lists carry of one config. */
const maximumAttributeBytes = 64 * 1024;

/** Harbor's `extra_attrs`: the telling fields of an image's config, all of any other's. */
export function extraAttributes(type: string, config: JsonObject | undefined): JsonObject {
  if (config === undefined) return {};
  const attributes = type === 'IMAGE' ? imageAttributes(config) : config;
  if (JSON.stringify(attributes).length <= maximumAttributeBytes) return attributes;
  const small = Object.entries(attributes).filter(([, value]) => typeof value === 'string');
  const rest = Object.fromEntries(small.filter(([, value]) => String(value).length <= 1_024));
  return rest;
}

const imageFields = ['architecture', 'os', 'variant', 'os.version', 'created', 'author', 'config'];

function imageAttributes(config: JsonObject): JsonObject {
  return Object.fromEntries(
    imageFields.flatMap((name) => (config[name] === undefined ? [] : [[name, config[name]]])),
  );
}

/** Harbor's `build_history`: how an image came to be, step by step. */
export function buildHistory(config: JsonObject | undefined): readonly JsonObject[] {
  const history = config?.history;
  return Array.isArray(history) ? history.filter(isJsonObject) : [];
}
