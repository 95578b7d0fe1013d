import { counter, type MetricSnapshot } from '#server/telemetry/metrics.ts';

/** What somebody tried to sign in with. `unknown-name`: no kind of principal is named so. */
export type SignInKind =
  | 'password'
  | 'access-token'
  | 'robot-secret'
  /** A ServiceAccount token, or the pull secret of a namespace. */
  | 'workload'
  | 'registry-token'
  | 'unknown-name';

/** Sign-ins that failed since the start of this process. */
export interface SignInCounts {
  readonly failures: Record<SignInKind, number>;
  /** Refused without a look at the password, since too many had failed before. */
  throttled: number;
}

export function newSignInCounts(): SignInCounts {
  const failures = {
    password: 0,
    'access-token': 0,
    'robot-secret': 0,
    workload: 0,
    'registry-token': 0,
    'unknown-name': 0,
  };
  return { failures, throttled: 0 };
}

export function signInSnapshots({ failures, throttled }: SignInCounts): MetricSnapshot[] {
  return [
    counter(
      'berth_sign_in_failures_total',
      'Credentials that were refused, by what they were.',
      Object.entries(failures).map(([kind, value]) => ({ labels: { kind }, value })),
    ),
    counter(
      'berth_sign_in_throttled_total',
      'Sign-ins refused because too many of that name or address had failed before.',
      throttled,
    ),
  ];
}
