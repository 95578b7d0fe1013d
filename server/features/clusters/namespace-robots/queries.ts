import type { Database, PreparedQuery, Reader } from '#server/database/database.ts';

export interface RobotSignIn {
  readonly cluster_id: number;
  readonly generation: number;
  readonly created_at: number;
  readonly ends_at: number | null;
  readonly disconnecting_at: number | null;
}

/** What requests ask of the robots of namespaces all the time. */
export interface NamespaceRobotLookups {
  readonly bySecret: PreparedQuery<
    [cluster: string, namespace: string, secretHmac: Uint8Array],
    RobotSignIn
  >;
  readonly byGeneration: PreparedQuery<
    [cluster: string, namespace: string, generation: number],
    RobotSignIn
  >;
}

export function prepareNamespaceRobotLookups(database: Database): NamespaceRobotLookups {
  /** A namespace that is gone, or another under the same name, has none. */
  const standing = (read: Reader) =>
    read
      .selectFrom('namespace_credentials')
      .innerJoin('clusters', 'clusters.id', 'namespace_credentials.cluster_id')
      .innerJoin('cluster_namespaces', (join) =>
        join
          .onRef('cluster_namespaces.cluster_id', '=', 'namespace_credentials.cluster_id')
          .onRef('cluster_namespaces.name', '=', 'namespace_credentials.namespace')
          .onRef('cluster_namespaces.uid', '=', 'namespace_credentials.namespace_uid'),
      )
      .select(['namespace_credentials.cluster_id', 'namespace_credentials.generation'])
      .select(['namespace_credentials.created_at', 'namespace_credentials.ends_at'])
      .select('clusters.disconnecting_at');
  return {
    bySecret: database.prepare((read, argument) =>
      standing(read)
        .where('clusters.name', '=', argument<string>(0))
        .where('namespace_credentials.namespace', '=', argument<string>(1))
        .where('namespace_credentials.secret_hmac', '=', argument<Uint8Array>(2)),
    ),
    byGeneration: database.prepareRemembered((read, argument) =>
      standing(read)
        .where('clusters.name', '=', argument<string>(0))
        .where('namespace_credentials.namespace', '=', argument<string>(1))
        .where('namespace_credentials.generation', '=', argument<number>(2)),
    ),
  };
}

/** The namespaces of a cluster that have credentials, as they were reported. */
export async function namespacesWithCredentials(
  read: Reader,
  cluster: number,
): Promise<readonly { readonly name: string; readonly labels: string | null }[]> {
  return read
    .selectFrom('namespace_credentials')
    .leftJoin('cluster_namespaces', (join) =>
      join
        .onRef('cluster_namespaces.cluster_id', '=', 'namespace_credentials.cluster_id')
        .onRef('cluster_namespaces.name', '=', 'namespace_credentials.namespace'),
    )
    .select(['namespace_credentials.namespace as name', 'cluster_namespaces.labels'])
    .distinct()
    .where('namespace_credentials.cluster_id', '=', cluster)
    .execute();
}
