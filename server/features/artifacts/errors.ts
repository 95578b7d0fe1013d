import { Refusal } from '#lib/errors.ts';

/** A text of a caller, as a sentence may show it. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

export function unknownRepository(repository: string): Refusal {
  return new Refusal(
    'not-found',
    `There is no repository ${shown(repository)}: it appears with the first push to it.`,
  );
}

export function unknownArtifact(repository: string, reference: string): Refusal {
  return new Refusal(
    'not-found',
    `The repository ${shown(repository)} has no artifact ${shown(reference)}: check the tag or digest.`,
  );
}

export function unknownTag(repository: string, reference: string, tag: string): Refusal {
  return new Refusal(
    'not-found',
    `The artifact ${shown(reference)} of ${shown(repository)} has no tag ${shown(tag)}.`,
  );
}
