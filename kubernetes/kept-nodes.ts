import type { Node } from './api/objects.ts';
import { hostLabel, mayBeChosen } from './manifests/node-images.ts';
import { distributionLabels } from './node/distribution.ts';
import { k3sArgumentsAnnotation } from './node/k3s-arguments.ts';

/** What Berth looks at of a node; undefined for what is no node. */
export type KeepNode = (node: unknown) => Node | undefined;

type Status = NonNullable<Node['status']>;
type Image = NonNullable<Status['images']>[number];
type Texts = Readonly<Record<string, string>>;

const keptLabels = [hostLabel, ...distributionLabels];
const mostAddresses = 20;
const mostImages = 200;
const mostNamesOfImage = 20;
/** Longer ones are read by nobody. */
const longestName = 512;
const longestText = 16_384;
/** In characters. */
const mostShared = 8 * 1024 * 1024;

/**
 * Nodes are large, above all by the fifty images that each tells of, and much the same: of images
 * those are kept that the choice of one looks at, and what nodes have in common is kept once.
 */
export function createNodeKeeper(): KeepNode {
  const shared = new Map<string, object>();
  let characters = 0;

  /** The value that equals this one, as far as there is room to remember it. */
  function share<Value extends object>(value: Value): Value {
    const key = JSON.stringify(value);
    const present = shared.get(key);
    if (present !== undefined) return present as Value;
    if (characters + key.length <= mostShared) {
      characters += key.length;
      shared.set(key, value);
    }
    return value;
  }

  return (value) => {
    const { metadata, status } = recordOf(value);
    const { name, uid, labels, annotations } = recordOf(metadata);
    if (typeof name !== 'string') return undefined;
    const { addresses, nodeInfo, images, conditions } = recordOf(status);
    return {
      metadata: {
        name,
        uid: textOf(uid),
        labels: textsOf(labels, keptLabels),
        annotations: textsOf(annotations, [k3sArgumentsAnnotation]),
      },
      status: {
        addresses: listOf(addresses).slice(0, mostAddresses).map(addressOf),
        nodeInfo: share(infoOf(nodeInfo)),
        images: imagesOf(images).map(share),
        conditions: conditionsOf(listOf(conditions)),
      },
    };
  };
}

function imagesOf(value: unknown): readonly Image[] {
  return listOf(value)
    .slice(0, mostImages)
    .map((image): Image => {
      const { names, sizeBytes } = recordOf(image);
      return {
        names: listOf(names)
          .filter((name): name is string => typeof name === 'string')
          .filter((name) => name.length <= longestName && mayBeChosen(name))
          .slice(0, mostNamesOfImage),
        ...(typeof sizeBytes === 'number' && { sizeBytes }),
      };
    })
    .filter(({ names = [] }) => names.length > 0);
}

function textsOf(value: unknown, names: readonly string[]): Texts {
  const given = recordOf(value);
  const kept: Record<string, string> = {};
  for (const name of names) {
    const text = given[name];
    if (typeof text === 'string' && text.length <= longestText) kept[name] = text;
  }
  return kept;
}

function addressOf(value: unknown): { type: string; address: string } {
  const { type, address } = recordOf(value);
  return { type: textOf(type), address: textOf(address) };
}

function infoOf(value: unknown): NonNullable<Status['nodeInfo']> {
  const { architecture, operatingSystem, osImage, kubeletVersion, containerRuntimeVersion } =
    recordOf(value);
  return {
    architecture: textOf(architecture),
    operatingSystem: textOf(operatingSystem),
    osImage: textOf(osImage),
    kubeletVersion: textOf(kubeletVersion),
    containerRuntimeVersion: textOf(containerRuntimeVersion),
  };
}

const ready = [{ type: 'Ready', status: 'True' }];
const notReady = [{ type: 'Ready', status: 'False' }];

/** Of conditions nobody asks for any but whether a node is ready. */
function conditionsOf(conditions: readonly unknown[]): NonNullable<Status['conditions']> {
  const condition = conditions.map(recordOf).find(({ type }) => type === 'Ready');
  if (condition === undefined) return [];
  return condition.status === 'True' ? ready : notReady;
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
