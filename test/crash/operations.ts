import type { Random } from '#test/random.ts';
import { abandon, deleteBlob, mount, pushBlob } from './blob-operations.ts';
import { deleteManifest, deleteTag, image, index, move, referrer } from './manifest-operations.ts';
import { holdings, type Operation, type Planner } from './operation.ts';
import type { State } from './state.ts';

const mostManifests = 40;

const kinds = [
  ...Array.from({ length: 6 }, () => 'blob' as const),
  ...Array.from({ length: 5 }, () => 'image' as const),
  ...Array.from({ length: 3 }, () => 'move' as const),
  ...(['mount', 'mount', 'index', 'referrer', 'abandon', 'cancel'] as const),
  ...(['delete tag', 'delete tag', 'delete manifest', 'delete blob'] as const),
];
type Kind = (typeof kinds)[number];

/** The repositories of a client, which nobody else pushes to. */
function repositoriesOf(client: number): readonly [string, string] {
  return [`crash/client-${client}/a`, `crash/client-${client}/b`];
}

/** The next thing that a client does, as the random numbers and what it holds say. */
export function planOperation(
  planner: Planner,
  random: Random,
  client: number,
  state: State,
): Operation {
  const repositories = repositoriesOf(client);
  const here = random.integer(2);
  const repository = repositories[here] ?? '';
  const other = repositories[1 - here] ?? '';
  const held = holdings(state, repository);
  const drawn = random.pick(kinds) ?? 'blob';
  const kind: Kind = held.manifests.length > mostManifests ? 'delete manifest' : drawn;
  const planned = {
    blob: () => undefined,
    image: () => image(planner, random, repository, held),
    move: () => move(planner, random, repository, held),
    mount: () => mount(random, repository, held, other, holdings(state, other)),
    index: () => index(planner, random, repository, held),
    referrer: () => referrer(planner, random, repository, held),
    abandon: () => abandon(planner, random, repository, false),
    cancel: () => abandon(planner, random, repository, true),
    'delete tag': () => deleteTag(random, repository, held),
    'delete manifest': () => deleteManifest(planner, random, repository, held),
    'delete blob': () => deleteBlob(planner, random, repository, held),
  }[kind]();
  return planned ?? pushBlob(planner, random, repository);
}
