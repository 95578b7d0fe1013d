import { reservedProject } from '#contract/names.ts';
import { Refusal } from '#lib/errors.ts';
import { quote } from '#lib/quote.ts';

export function unknownProject(nameOrId: string): Refusal {
  return new Refusal(
    'not-found',
    `There is no project ${quote(nameOrId)}: run berth project list to see those that exist.`,
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
    `There is no repository ${quote(name)}: it appears with the first push to it.`,
  );
}
