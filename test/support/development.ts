const variable = 'BERTH_TEST_NETWORK';

/**
 * The network that a developer gives to a run of their own: it then stands beside others, and
 * waits for none of them. Undefined for the suites themselves.
 */
export function developmentNetwork(): number | undefined {
  const given = process.env[variable];
  if (given === undefined) return undefined;
  const network = Number(given);
  if (!Number.isInteger(network) || network < 100 || network > 199) {
    throw new Error(
      `${variable} is ${given}: give it a number from 100 to 199, for 10.NUMBER.0.0.`,
    );
  }
  return network;
}
