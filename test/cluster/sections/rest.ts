import { describe, test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import type { Bed } from '../bed.ts';
import { requestsOfBerth } from '../requests.ts';

export function restSection(bed: () => Bed): void {
  describe("the agent's cost at rest", () => {
    test('each request of a pod of ours to the API server is counted', async () => {
      const { operator, cluster } = bed();
      await operator.type('kubectl get namespace berth || kubectl create namespace berth');
      await operator.type('kubectl create serviceaccount counted --namespace berth');
      await operator.fails(
        'kubectl --kubeconfig <(kubectl config view --raw --minify | sed /client-/d) --token "$(kubectl create token counted --namespace berth)" get pods --namespace counted',
      );
      await waitFor(() => requestsOfBerth(cluster), {
        what: 'the request to be in the log',
        until: (requests) =>
          requests.some(
            ({ user, objectRef, responseStatus }) =>
              user.username === 'system:serviceaccount:berth:counted' &&
              objectRef?.namespace === 'counted' &&
              responseStatus?.code === 403,
          ),
      });
      await operator.type('kubectl delete serviceaccount counted --namespace berth');
    });
  });
}
