import { reservedProject } from '#contract/names.ts';
import { Refusal } from '#lib/errors.ts';

/** A text of a caller, as a sentence may show it. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

export function unknownProject(nameOrId: string): Refusal {
  return new Refusal(
    'not-found',
    `There is no project ${shown(nameOrId)}: run berth project list to see those that exist.`,
  );
}

export function reservedName(): Refusal {
  return new Refusal(
    'denied',
    `The project ${reservedProject} belongs to the server itself: choose another name.`,
  );
}

export function unknownMember(project: string, id: number): Refusal {
  return new Refusal(
    'not-found',
    `Project ${project} has no member with the id ${id}: run berth member list ${project} to see them.`,
  );
}

export function unknownRepository(name: string): Refusal {
  return new Refusal(
    'not-found',
    `There is no repository ${shown(name)}: it appears with the first push to it.`,
  );
}
