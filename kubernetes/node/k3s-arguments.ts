import type { Node } from '../api/objects.ts';

/** Where k3s tells what it was started with, its files of settings included. */
export const k3sArgumentsAnnotation = 'k3s.io/node-args';

const flag = 'image-credential-provider-config';
const mostCharacters = 16_384;

/**
 * The file of credential providers that a node's k3s was told to use; empty where it was told none,
 * undefined where it does not say.
 */
export function k3sProviderConfig({ metadata }: Node): string | undefined {
  const text = metadata.annotations?.[k3sArgumentsAnnotation];
  const words = text === undefined ? undefined : readWords(text);
  if (words === undefined) return undefined;
  const named = words.flatMap((word, index) =>
    word === `--${flag}` ? (words[index + 1] ?? []) : [],
  );
  // As words of kubelet-arg, which come after k3s' own.
  const ofKubelet = words.flatMap((word) =>
    word.startsWith(`${flag}=`) ? word.slice(flag.length + 1) : [],
  );
  return ([...named, ...ofKubelet].at(-1) ?? '').slice(0, 512);
}

function readWords(text: string): readonly string[] | undefined {
  if (text.length > mostCharacters) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((word) => typeof word === 'string')
      ? value
      : undefined;
  } catch {
    return undefined;
  }
}
