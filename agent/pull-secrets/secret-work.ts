import { type KubernetesApi, resources } from '#kubernetes/api/index.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import type { Credentials } from './credentials.ts';
import { foreignSecret } from './failures.ts';
import type { NamespaceView, SecretStep } from './plan.ts';
import { type PullSecretPurpose, type PullSecretView, renderPullSecret } from './secret.ts';
import type { Settling } from './settling.ts';
import type { ConcernState } from './states.ts';

export interface SecretWork {
  readonly namespace: NamespaceView;
  readonly secret: PullSecretView | undefined;
  readonly step: SecretStep;
  readonly purpose: PullSecretPurpose;
}

/** Takes one step with the Secret of a namespace; what follows from it is another change. */
export async function takeSecretStep(
  { namespace, secret, step, purpose }: SecretWork,
  api: KubernetesApi,
  credentials: Credentials,
  settling: Settling,
): Promise<ConcernState> {
  const { name, uid, labels } = namespace;
  const place = { name: pullSecretName, namespace: name };
  switch (step.kind) {
    case 'keep':
      return { kind: secret?.content === 'sound' && !secret.terminating ? 'ready' : 'waiting' };
    case 'yield':
      credentials.forget(name);
      return { kind: 'problem', problem: foreignSecret(name) };
    case 'remove':
    case 'replace':
      await api.delete(resources.secrets, place, { uid: step.uid });
      if (step.kind === 'remove') credentials.forget(name);
      return { kind: 'waiting' };
    case 'place': {
      const credential = await credentials.issue({ name, uid, labels });
      await api.patch(resources.secrets, place, {
        type: 'apply',
        body: renderPullSecret(name, credential, purpose, step.uid),
        // Only what is known to be ours is written over; else the fields of others conflict.
        force: step.uid !== undefined,
      });
      settling.wrote(name, secret?.resourceVersion);
      credentials.placed(name, credential.generation);
      return { kind: 'ready' };
    }
  }
}
