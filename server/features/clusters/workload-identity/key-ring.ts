import { createPublicKey, type KeyObject } from 'node:crypto';
import type { JWK } from 'jose';
import { chain, type MaybePromise } from '#lib/maybe-promise.ts';
import type { Database } from '#server/database/database.ts';
import { grantGenerationOf } from '#server/database/generations.ts';
import { algorithmsOf } from '../enrolment/keys.ts';
import { allKeys, type KeyRow } from './queries.ts';

/** A key that signs the ServiceAccount tokens of one cluster. */
export interface ClusterKey {
  readonly thumbprint: string;
  readonly kid: string | undefined;
  /** The key fixes them: what a token says of its algorithm chooses no other kind. */
  readonly algorithms: readonly string[];
  readonly publicKey: KeyObject;
  readonly cluster: KeyedCluster;
}

export interface KeyedCluster {
  readonly id: number;
  readonly name: string;
  readonly issuer: string;
  /** As the table holds them. */
  readonly settings: string;
  readonly disconnecting: boolean;
}

export interface KeyRing {
  byThumbprint(thumbprint: string): ClusterKey | undefined;
  /**
   * Keys that may have signed a token, a few at most: clusters that share an issuer are told apart
   * by the signature alone.
   */
  candidates(kid: string | undefined, issuer: string | undefined): readonly ClusterKey[];
}

const mostCandidates = 40;
/** Of one cluster: Kubernetes names each key of its own. Others cannot crowd out the right one. */
const mostOfOneName = 2;

/** The keys of clusters as the database says at this moment, read anew with each generation of grants. */
export function createKeyRing(database: Database): () => MaybePromise<KeyRing> {
  const readGeneration = grantGenerationOf(database);
  let latest: { generation: number; ring: MaybePromise<KeyRing> } | undefined;
  let known: ReadonlyMap<string, ClusterKey> = new Map();

  async function load(): Promise<KeyRing> {
    const keys = new Map<string, ClusterKey>();
    for (const row of await allKeys(database.read)) {
      const key = keyOf(row, known.get(row.thumbprint));
      if (key !== undefined) keys.set(row.thumbprint, key);
    }
    known = keys;
    return ringOf(keys);
  }

  return () =>
    chain(readGeneration(), (generation) => {
      if (latest?.generation === generation) return latest.ring;
      const loading = load();
      const entry: { generation: number; ring: MaybePromise<KeyRing> } = {
        generation,
        ring: loading,
      };
      latest = entry;
      loading.then(
        (ring) => {
          entry.ring = ring;
        },
        () => {
          if (latest === entry) latest = undefined;
        },
      );
      return loading;
    });
}

function ringOf(keys: ReadonlyMap<string, ClusterKey>): KeyRing {
  const all = [...keys.values()];
  return {
    byThumbprint: (thumbprint) => keys.get(thumbprint),
    candidates(kid, issuer) {
      const fitting =
        kid === undefined
          ? all.filter((key) => key.cluster.issuer === issuer)
          : ofEachCluster(all.filter((key) => key.kid === kid || key.kid === undefined));
      return fitting.slice(0, mostCandidates);
    },
  };
}

function ofEachCluster(keys: readonly ClusterKey[]): ClusterKey[] {
  const taken = new Map<number, number>();
  return keys.filter(({ cluster: { id } }) => {
    const count = (taken.get(id) ?? 0) + 1;
    taken.set(id, count);
    return count <= mostOfOneName;
  });
}

/** @param earlier the same key as it was read before, which need not be read again */
function keyOf(row: KeyRow, earlier: ClusterKey | undefined): ClusterKey | undefined {
  const jwk: JWK = JSON.parse(row.jwk);
  const algorithms = algorithmsOf(jwk);
  const publicKey = earlier?.publicKey ?? readKey(jwk);
  if (algorithms.length === 0 || publicKey === undefined) return undefined;
  return {
    thumbprint: row.thumbprint,
    kid: jwk.kid,
    algorithms,
    publicKey,
    cluster: {
      id: row.cluster_id,
      name: row.name,
      issuer: row.issuer ?? '',
      settings: row.settings,
      disconnecting: row.disconnecting_at !== null,
    },
  };
}

/** RFC 7518 section 3.3. */
const leastRsaBits = 2_048;

/** Undefined for what verifies nothing: an agent may report what it likes of its own cluster. */
function readKey(jwk: JWK): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const { modulusLength = leastRsaBits } = key.asymmetricKeyDetails ?? {};
    return modulusLength >= leastRsaBits ? key : undefined;
  } catch {
    return undefined;
  }
}
