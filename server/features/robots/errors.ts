import { Refusal } from '#lib/errors.ts';

export function unknownRobot(id: number): Refusal {
  return new Refusal(
    'not-found',
    `There is no robot with the id ${id}: run berth robot list to see those that exist.`,
  );
}

export function invalid(message: string): Refusal {
  return new Refusal('invalid', message);
}
