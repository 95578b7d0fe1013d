import { readJsonList } from '#lib/json-list.ts';
import type { Node } from './api/objects.ts';
import { createNodeKeeper } from './kept-nodes.ts';
import { mostNodes } from './manifests/node-images.ts';

/** A node is at most what etcd takes of one object; blanks make it longer. */
const longestNode = 8 * 1024 * 1024;

/**
 * Reads what `kubectl get nodes --output json` prints as it comes, and keeps of each node what Berth
 * looks at: 5,000 nodes take 160 MB as they are printed.
 * @returns undefined for what is no list
 * @throws {JsonListProblem}
 */
export async function readNodeList(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<readonly Node[] | undefined> {
  const nodes: Node[] = [];
  const keep = createNodeKeeper();
  const isList = await readJsonList(chunks, {
    field: 'items',
    longestElement: longestNode,
    take(element) {
      const node = nodes.length < mostNodes ? keep(element) : undefined;
      if (node !== undefined) nodes.push(node);
    },
  });
  return isList ? nodes : undefined;
}
