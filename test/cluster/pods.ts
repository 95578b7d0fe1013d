import { waitFor } from '#test/processes.ts';
import type { Terminal } from '#test/terminal.ts';

const limit = 40_000;

/** What `kubectl describe pod` says, once it says what is waited for. */
export function described(
  { type }: Terminal,
  name: string,
  until: RegExp | string,
): Promise<string> {
  return waitFor(() => type(`kubectl describe pod ${name}`), {
    what: `kubectl describe pod ${name} to say ${until}`,
    until: (text) => (typeof until === 'string' ? text.includes(until) : until.test(text)),
    limit,
  });
}

/** Waits until so many pods are there, and all of them run. */
export async function running({ type }: Terminal, selection: string, count: number): Promise<void> {
  await waitFor(() => type(`kubectl get pods ${selection} --no-headers`), {
    what: `${count} pods of ${selection} to be Running`,
    until: (text) => {
      const states = text
        .trim()
        .split('\n')
        .map((line) => line.split(/ +/)[2]);
      return states.length === count && states.every((state) => state === 'Running');
    },
    limit,
  });
}

/** The name of one of an app's pods. */
export async function podOf({ type }: Terminal, app: string): Promise<string> {
  const names = await waitFor(() => type(`kubectl get pods --selector app=${app} --output=name`), {
    what: `a pod of ${app} to be made`,
    limit,
  });
  return names.split(/[/\n]/)[1] ?? '';
}

/** Runs a pod on one node. */
export function runOn(
  { type }: Terminal,
  name: string,
  image: string,
  node: string,
  namespace = 'default',
): Promise<string> {
  return type(
    `kubectl run ${name} --namespace ${namespace} --image=${image} --overrides='{"spec":{"nodeName":"${node}"}}'`,
  );
}

/** The image is pulled on that node, and its pod runs; the pod is gone afterwards. */
export async function pulls(
  operator: Terminal,
  name: string,
  image: string,
  node: string,
  namespace = 'default',
): Promise<void> {
  await runOn(operator, name, image, node, namespace);
  await running(operator, `${name} --namespace ${namespace}`, 1);
  await operator.type(`kubectl delete pod ${name} --now --namespace ${namespace}`);
}
