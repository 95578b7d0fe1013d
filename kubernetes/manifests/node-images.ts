import { isByMaker } from './image-makers.ts';
import { mostDaemonSets } from './names.ts';

/**
 * Where the pods have a shell from: the node's own folders, with /lib64 among them or without one,
 * or out of the image. A folder that is mounted where a node has none is made there, and stays.
 */
export const shells = ['host', 'host-without-lib64', 'image'] as const;
export type Shell = (typeof shells)[number];
const hostShells = ['host', 'host-without-lib64'] as const;

/** Which image the pods on some nodes run. */
export interface NodeImage {
  readonly image: string;
  readonly shell: Shell;
  /** Labels `kubernetes.io/hostname`; undefined for every node that no other entry names. */
  readonly hosts: readonly string[] | undefined;
}

export interface NodeImagePlan {
  /** The first is for every node that no other entry names; empty when no node is known. */
  readonly images: readonly NodeImage[];
  /** Nodes for which nothing was found. */
  readonly without: readonly string[];
  /** What their sandboxes seem to run, and anybody may have made. */
  readonly passedOver: string | undefined;
  /** Minor release of the oldest kubelet; undefined when no node is known. */
  readonly oldestKubelet: number | undefined;
  /** Each once, as Kubernetes names them. */
  readonly architectures: readonly string[];
}

interface Node {
  readonly name: string;
  readonly host: string | undefined;
  readonly shell: Shell;
  readonly images: readonly Image[];
  readonly kubelet: number | undefined;
  readonly architecture: string | undefined;
}

interface Image {
  readonly names: readonly string[];
  readonly bytes: number;
}

/** Nodes and images beyond these are not looked at. */
export const mostNodes = 10_000;
const mostImages = 200;

const pause = /(^|\/)(mirrored-)?pause(-[a-z0-9]+)?[:@]/;
const withShell =
  /(^|\/)(busybox|alpine|debian|debian-base|ubuntu|bash|netshoot|flannel|cilium)(-[a-z0-9]+)?[:@]/;
const withoutShell = /talos|bottlerocket/i;
export const hostLabel = 'kubernetes.io/hostname';
const imageName = /^[A-Za-z0-9][A-Za-z0-9._:/@[\]-]*$/;
const nodeName = /^[a-z0-9][a-z0-9.-]{0,252}$/;
const labelValue = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/**
 * Chooses what nodes have already, since a node that does not trust the registry yet cannot pull
 * from it: the image of their sandboxes with the node's own shell, or, on systems that have no
 * shell, an image that holds one.
 * @param nodes what `kubectl get nodes --output json` prints, or its items; anything else in it is
 *   passed over
 * @param wanted an image instead; one that is named as those of sandboxes are needs no shell
 */
export function planNodeImages(nodes: unknown, wanted?: string): NodeImagePlan {
  const known = readNodes(nodes);
  const left = new Set(known);
  if (wanted !== undefined) {
    const shellless = pause.test(wanted) ? known.filter(({ shell }) => shell === 'image') : [];
    return planOf(known, groupsOf(known, wanted), new Set(shellless));
  }
  const groups: Group[] = [];
  for (const shell of shells) {
    while (groups.length < mostDaemonSets - 1) {
      const best = mostCommon(left, shell, shell === 'image' ? withShell : pause);
      if (best === undefined) break;
      groups.push(best);
      for (const node of best.nodes) left.delete(node);
    }
  }
  // A kubelet reports its fifty largest images, and that of sandboxes is the smallest of all.
  for (const shell of hostShells) {
    const unlisted = [...left].filter((node) => node.shell === shell);
    const group = groups.find((each) => each.shell === shell) ?? mostCommon(left, shell, /./);
    if (group === undefined || unlisted.length === 0) continue;
    if (!groups.includes(group)) groups.push({ ...group, nodes: unlisted });
    else group.nodes.push(...unlisted);
    for (const node of unlisted) left.delete(node);
  }
  return planOf(known, groups, left);
}

/** An image of sandboxes holds no shell: it serves nodes that have one of their own. */
function groupsOf(nodes: readonly Node[], image: string): Group[] {
  if (!pause.test(image)) return [{ image, shell: 'image', nodes: [] }];
  if (nodes.length === 0) return [{ image, shell: 'host', nodes: [] }];
  return hostShells
    .map((shell) => ({ image, shell, nodes: nodes.filter((node) => node.shell === shell) }))
    .filter((group) => group.nodes.length > 0);
}

function planOf(
  known: readonly Node[],
  groups: readonly Group[],
  left: ReadonlySet<Node>,
): NodeImagePlan {
  const sorted = groups.toSorted((one, other) => other.nodes.length - one.nodes.length);
  const kubelets = known.flatMap(({ kubelet }) => kubelet ?? []);
  return {
    images: sorted.map(({ image, shell, nodes: of }, index) => ({
      image,
      shell,
      hosts: index === 0 ? undefined : of.flatMap(({ host }) => host ?? []).sort(),
    })),
    without: [...left].map(({ name }) => name),
    passedOver: hostShells
      .map((shell) => mostCommon(left, shell, pause, () => true))
      .find((group) => group !== undefined)?.image,
    oldestKubelet: kubelets.length === 0 ? undefined : Math.min(...kubelets),
    architectures: [...new Set(known.flatMap(({ architecture }) => architecture ?? []))].sort(),
  };
}

interface Group {
  readonly image: string;
  readonly shell: Shell;
  readonly nodes: Node[];
}

/** The image, among those that `wanted` fits, that most of the nodes have; of equal ones the smallest. */
function mostCommon(
  nodes: Iterable<Node>,
  shell: Shell,
  wanted: RegExp,
  isTrusted: (name: string) => boolean = isByMaker,
): Group | undefined {
  const found = new Map<string, { readonly bytes: number; readonly nodes: Node[] }>();
  for (const node of nodes) {
    if (node.shell !== shell) continue;
    const names = new Set<string>();
    for (const { names: all, bytes } of node.images) {
      const name = preferred(all.filter((each) => wanted.test(each) && isTrusted(each)));
      if (name === undefined || names.has(name)) continue;
      names.add(name);
      const entry = found.get(name);
      if (entry === undefined) found.set(name, { bytes, nodes: [node] });
      else entry.nodes.push(node);
    }
  }
  let best: Group | undefined;
  let bestBytes = 0;
  for (const [image, { bytes, nodes: of }] of found) {
    const more = of.length - (best?.nodes.length ?? 0);
    if (more < 0 || (more === 0 && bytes >= bestBytes)) continue;
    best = { image, shell, nodes: of };
    bestBytes = bytes;
  }
  return best;
}

/** Whether an image of this name is ever looked at. */
export function mayBeChosen(name: string): boolean {
  return pause.test(name) || isByMaker(name);
}

/** A tag rather than a digest: it says what it is. */
function preferred(names: readonly string[]): string | undefined {
  return names.find((name) => !name.includes('@')) ?? names[0];
}

function readNodes(value: unknown): Node[] {
  const items = Array.isArray(value) ? value : fieldOf(value, 'items');
  if (!Array.isArray(items)) return [];
  // Nodes that are kept together share what they say of their images.
  const read = new Map<unknown, Image>();
  const imageOf = (value: unknown): Image => {
    const image = read.get(value) ?? readImage(value);
    read.set(value, image);
    return image;
  };
  return items.slice(0, mostNodes).flatMap((item: unknown) => readNode(item, imageOf) ?? []);
}

function readNode(value: unknown, imageOf: (value: unknown) => Image): Node | undefined {
  const metadata = fieldOf(value, 'metadata');
  const status = fieldOf(value, 'status');
  const info = fieldOf(status, 'nodeInfo');
  const name = fieldOf(metadata, 'name');
  if (typeof name !== 'string' || !nodeName.test(name)) return undefined;
  if (fieldOf(info, 'operatingSystem') === 'windows') return undefined;
  const labels = fieldOf(metadata, 'labels');
  const images = fieldOf(status, 'images');
  const version = /^v1\.(\d{1,3})\./.exec(textOf(fieldOf(info, 'kubeletVersion')));
  return {
    name,
    host: labelText(fieldOf(labels, hostLabel)),
    shell: shellOf(textOf(fieldOf(info, 'osImage')), fieldOf(info, 'architecture')),
    images: Array.isArray(images) ? images.slice(0, mostImages).map(imageOf) : [],
    kubelet: version === null ? undefined : Number(version[1]),
    architecture: labelText(fieldOf(info, 'architecture')),
  };
}

function labelText(value: unknown): string | undefined {
  return typeof value === 'string' && labelValue.test(value) ? value : undefined;
}

function shellOf(system: string, architecture: unknown): Shell {
  if (withoutShell.test(system)) return 'image';
  // k3s' own image says what it is, too.
  if (/alpine|^k3s /i.test(system)) return 'host-without-lib64';
  const isDebian = /debian|ubuntu|raspbian/i.test(system);
  return isDebian && architecture === 'arm64' ? 'host-without-lib64' : 'host';
}

function readImage(value: unknown): Image {
  const names = fieldOf(value, 'names');
  const bytes = fieldOf(value, 'sizeBytes');
  return {
    names: Array.isArray(names)
      ? names.filter((name): name is string => typeof name === 'string' && isImageName(name))
      : [],
    bytes: typeof bytes === 'number' ? bytes : Number.MAX_SAFE_INTEGER,
  };
}

/** Neither blanks nor anything else that no reference of an image holds. */
export function isImageName(text: string): boolean {
  return text.length <= 512 && imageName.test(text);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
