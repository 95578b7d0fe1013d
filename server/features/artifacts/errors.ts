import { Refusal } from '#lib/errors.ts';
import { quote } from '#lib/quote.ts';

export function unknownRepository(repository: string): Refusal {
  return new Refusal(
    'not-found',
    `There is no repository ${quote(repository)}: it appears with the first push to it.`,
  );
}

export function unknownArtifact(repository: string, reference: string): Refusal {
  return new Refusal(
    'not-found',
    `The repository ${quote(repository)} has no artifact ${quote(reference)}: check the tag or digest.`,
  );
}

export function unknownTag(repository: string, reference: string, tag: string): Refusal {
  return new Refusal(
    'not-found',
    `The artifact ${quote(reference)} of ${quote(repository)} has no tag ${quote(tag)}.`,
  );
}
