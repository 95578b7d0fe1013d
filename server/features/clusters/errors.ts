import { Refusal } from '#lib/errors.ts';
import { quote } from '#lib/quote.ts';

export function unknownCluster(name: string): Refusal {
  return new Refusal(
    'not-found',
    `There is no cluster ${quote(name)}: berth cluster list shows those that are connected.`,
  );
}

export function invalid(message: string): Refusal {
  return new Refusal('invalid', message);
}

export function agentAway(cluster: string): string {
  return `The agent of ${cluster} is not connected: berth cluster status ${cluster} says what to look at.`;
}
