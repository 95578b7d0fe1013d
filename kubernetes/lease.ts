import { setTimeout as wait } from 'node:timers/promises';
import { isConflict, isNotFound, type KubernetesApi, type Lease, resources } from './api/index.ts';

export interface ElectionOptions {
  readonly api: KubernetesApi;
  readonly lease: { readonly name: string; readonly namespace: string };
  readonly labels: Readonly<Record<string, string>>;
  /** The pod: a container that starts again in it is the same candidate. */
  readonly candidate: string;
  /**
   * Whether a holder is known to have ended since it last renewed the Lease, by its own clock, so
   * that its time need not be waited for.
   */
  readonly isGone: (holder: string, renewedAt: string | undefined) => Promise<boolean>;
  /** What is done while leading, until it ends by itself or `term` is aborted. */
  readonly lead: (term: AbortSignal) => Promise<void>;
  /** Ends it, and gives the Lease up. */
  readonly signal: AbortSignal;
  readonly report: (error: unknown) => void;
  readonly timing?: ElectionTiming;
}

export interface ElectionTiming {
  /** After which a Lease that nobody renewed may be taken. */
  readonly durationSeconds: number;
  readonly renewMilliseconds: number;
  /** Between two looks of those who wait. */
  readonly lookMilliseconds: number;
}

/**
 * Only a holder that nobody can say anything of is waited for so long: one on a node that is lost,
 * which Kubernetes itself gives up after 40 s. A leader that the API server is away from ends its
 * term before, so that less would end terms whenever an API server is restarted.
 */
const usual: ElectionTiming = {
  durationSeconds: 15,
  renewMilliseconds: 5_000,
  lookMilliseconds: 1_000,
};

/**
 * Takes part in an election by a Lease until `signal`: who writes it first by its resource version
 * leads, and leads no longer than it was renewed for. Times of other machines are not compared with
 * the clock of this one.
 */
export async function runElection(options: ElectionOptions): Promise<void> {
  const { api, lease: place, labels, candidate, isGone, lead, signal, report } = options;
  const { durationSeconds, renewMilliseconds, lookMilliseconds } = options.timing ?? usual;
  let seen: { readonly version: string | undefined; readonly at: number } | undefined;

  function claimed(before: Lease): Lease {
    const now = new Date().toISOString().replace('Z', '000Z');
    const spec = before.spec ?? {};
    const stays = spec.holderIdentity === candidate;
    return {
      metadata: before.metadata,
      spec: {
        holderIdentity: candidate,
        leaseDurationSeconds: durationSeconds,
        acquireTime: (stays ? spec.acquireTime : undefined) ?? now,
        renewTime: now,
        leaseTransitions: (spec.leaseTransitions ?? 0) + (stays ? 0 : 1),
      },
    };
  }

  async function mayTake(lease: Lease): Promise<boolean> {
    const holder = lease.spec?.holderIdentity;
    if (!holder || holder === candidate) return true;
    const version = lease.metadata.resourceVersion;
    const now = performance.now();
    if (seen === undefined || seen.version !== version) seen = { version, at: now };
    const lasts = (lease.spec?.leaseDurationSeconds ?? durationSeconds) * 1_000;
    return now - seen.at > lasts || (await isGone(holder, lease.spec?.renewTime));
  }

  /** The Lease as written, or undefined while it is another's. */
  async function tryToTake(): Promise<Lease | undefined> {
    // Made without a holder, by a request that RBAC can hold to this name; then competed for.
    const present =
      (await api.find(resources.leases, place, { signal })) ??
      (await api.patch(
        resources.leases,
        place,
        { type: 'apply', body: { metadata: { ...place, labels } } },
        { signal },
      ));
    if (!(await mayTake(present))) return undefined;
    try {
      return await api.replace(resources.leases, claimed(present), { signal });
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Returns when the Lease was lost, or `term` ended. */
  async function renew(taken: Lease, term: AbortSignal): Promise<Lease> {
    let current = taken;
    let renewedAt = performance.now();
    // One look earlier than others may take it.
    const lasts = durationSeconds * 1_000 - Math.max(lookMilliseconds, renewMilliseconds / 2);
    let next = renewMilliseconds;
    for (;;) {
      await pause(Math.min(next, Math.ceil(renewedAt + lasts - performance.now())), term);
      const asked = performance.now();
      if (term.aborted || asked - renewedAt >= lasts) break;
      next = renewMilliseconds;
      try {
        const limit = AbortSignal.timeout(Math.ceil(renewedAt + lasts - asked));
        const choice = { signal: AbortSignal.any([term, limit]) };
        current = await api.replace(resources.leases, claimed(current), choice);
        renewedAt = asked;
      } catch (error) {
        if (term.aborted || isNotFound(error)) break;
        if (isConflict(error)) {
          const present = await api
            .find(resources.leases, place, { signal })
            .catch(() => undefined);
          if (present?.spec?.holderIdentity !== candidate) break;
          current = present;
        } else report(error);
        next = lookMilliseconds;
      }
    }
    return current;
  }

  /** The others need not wait for it to end. */
  async function giveUp(lease: Lease): Promise<void> {
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 };
    await api.replace(resources.leases, { metadata: lease.metadata, spec }).catch((error) => {
      if (!isConflict(error) && !isNotFound(error)) report(error);
    });
  }

  while (!signal.aborted) {
    const taken = await tryToTake().catch((error: unknown) => {
      if (!signal.aborted) report(error);
      return undefined;
    });
    if (taken === undefined) {
      await pause(lookMilliseconds, signal);
      continue;
    }
    const ended = new AbortController();
    const term = AbortSignal.any([signal, ended.signal]);
    const led = lead(term)
      .catch((error: unknown) => {
        if (!term.aborted) report(error);
      })
      .finally(() => ended.abort());
    const last = await renew(taken, term);
    ended.abort();
    await led;
    await giveUp(last);
    seen = undefined;
    if (!signal.aborted) await pause(lookMilliseconds, signal);
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await wait(Math.max(0, milliseconds), undefined, { signal }).catch(() => undefined);
}
