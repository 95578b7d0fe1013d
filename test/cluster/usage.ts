import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findControlGroups } from '../support/hosts/control-groups.ts';
import type { Cluster, ClusterNode } from './index.ts';

/** A container of a pod, on the node that it runs on. */
export interface RunningContainer {
  readonly node: ClusterNode;
  readonly pod: string;
  readonly id: string;
}

/** What a container holds, and has used since it started. */
export interface Usage {
  /** As this machine counts. */
  readonly pids: readonly number[];
  readonly residentBytes: number;
  readonly cpuMilliseconds: number;
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly nodeName?: string };
    readonly status: {
      readonly containerStatuses?: readonly { readonly containerID?: string }[];
    };
  }[];
}

export async function containersOf(
  cluster: Cluster,
  namespace: string,
  selector: string,
): Promise<readonly RunningContainer[]> {
  const { items }: PodList = JSON.parse(
    await cluster.kubectl(
      'get',
      'pods',
      ...[`--namespace=${namespace}`, `--selector=${selector}`, '--output=json'],
    ),
  );
  return items.flatMap(({ metadata, spec, status }) => {
    const node = cluster.nodes.find(({ name }) => name === spec.nodeName);
    const id = status.containerStatuses?.[0]?.containerID?.replace('containerd://', '');
    return node === undefined || id === undefined ? [] : [{ node, pod: metadata.name, id }];
  });
}

export async function usageOf({ node, pod, id }: RunningContainer): Promise<Usage> {
  const groups = await findControlGroups(node.host.controlGroup, id);
  const [first] = groups;
  if (first === undefined) throw new Error(`The container of ${pod} does not run on ${node.name}.`);
  const pids = (await readFile(join(first, 'cgroup.procs'), 'utf8')).match(/\d+/g)?.map(Number);
  const resident = await Promise.all((pids ?? []).map(residentBytes));
  return {
    pids: pids ?? [],
    residentBytes: resident.reduce((sum, bytes) => sum + bytes, 0),
    cpuMilliseconds: await cpuMilliseconds(groups),
  };
}

/** A process that ended meanwhile holds nothing. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** The kernel's own count of the group, which holds processes that have ended as well. */
async function cpuMilliseconds(groups: readonly string[]): Promise<number> {
  for (const group of groups) {
    const nanoseconds = await readFile(join(group, 'cpuacct.usage'), 'utf8').catch(() => '');
    if (nanoseconds !== '') return Number(nanoseconds) / 1e6;
    const stat = await readFile(join(group, 'cpu.stat'), 'utf8').catch(() => '');
    const microseconds = /^usage_usec (\d+)$/m.exec(stat)?.[1];
    if (microseconds !== undefined) return Number(microseconds) / 1e3;
  }
  throw new Error('No hierarchy of control groups counts processor time.');
}
