import { Refusal } from '#lib/errors.ts';

/** Why a chart cannot be read: a sentence for people. Reading it again would end the same way. */
export class UnreadableChart extends Error {
  constructor(sentence: string, options?: ErrorOptions) {
    super(sentence, options);
    this.name = 'UnreadableChart';
  }
}

/** A text of a caller or of a chart, as a sentence may show it. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

export function unknownChart(project: string, name: string): Refusal {
  return new Refusal(
    'not-found',
    `Project ${project} has no chart ${shown(name)}: push one with helm push.`,
  );
}

export function unknownVersion(project: string, name: string, version: string): Refusal {
  return new Refusal(
    'not-found',
    `Project ${project} has no version ${shown(version)} of the chart ${shown(name)}.`,
  );
}
