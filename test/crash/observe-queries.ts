import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { State } from './state.ts';

type Row = Readonly<Record<string, unknown>>;
type Ask = (sql: string) => Promise<readonly Row[]>;

export interface Observation {
  readonly state: State;
  /** What no state may show: a row without its file, a manifest without its blobs. */
  readonly problems: readonly string[];
  /** The files of blobs that can be pulled. */
  readonly files: readonly { readonly digest: string; readonly path: string }[];
  /** Files of blobs that no row names. */
  readonly orphans: readonly string[];
}

const questions = {
  blobs: `
    select repositories.name, blobs.digest, blobs.size
    from repository_blobs
    join repositories on repositories.id = repository_blobs.repository_id
    join blobs on blobs.id = repository_blobs.blob_id
    where blobs.state = 'live' and blobs.lost_at is null`,
  manifests: `
    select repositories.name, manifests.digest, manifests.size
    from manifests join repositories on repositories.id = manifests.repository_id`,
  tags: `
    select repositories.name, tags.name as tag, manifests.digest
    from tags
    join repositories on repositories.id = tags.repository_id
    join manifests on manifests.id = tags.manifest_id`,
  files: 'select digest, size, storage_key, state from blobs',
  holes: `
    select manifests.digest as manifest, manifest_refs.digest
    from manifest_refs join manifests on manifests.id = manifest_refs.manifest_id
    where manifest_refs.kind in ('config', 'layer') and not exists (
      select 1 from repository_blobs join blobs on blobs.id = repository_blobs.blob_id
      where repository_blobs.repository_id = manifest_refs.repository_id
        and blobs.digest = manifest_refs.digest
        and blobs.state = 'live' and blobs.lost_at is null)`,
  edgeless: `
    select digest as manifest from manifests
    where not exists (select 1 from manifest_refs where manifest_id = manifests.id)`,
};

/** Reads the SQLite database of a data folder; `mode` is `write` where nobody else has it open. */
export async function observeSqlite(folder: string, mode: 'read' | 'write'): Promise<Observation> {
  const path = join(folder, 'database', 'berth.sqlite');
  const database = new DatabaseSync(path, { readOnly: mode === 'read', timeout: 10_000 });
  try {
    database.exec('begin');
    const ask: Ask = async (sql) => database.prepare(sql).all();
    const observation = await observe(ask, folder);
    database.exec('rollback');
    const broken = ['integrity_check', 'foreign_key_check'].flatMap((check) =>
      database
        .prepare(`pragma ${check}`)
        .all()
        .map((row) => Object.values(row).join(' '))
        .filter((text) => text !== 'ok')
        .map((text) => `${check}: ${text}`),
    );
    return { ...observation, problems: [...broken, ...observation.problems] };
  } finally {
    database.close();
  }
}

/** Reads the database at `url` and the files of a data folder. */
export async function observePostgres(folder: string, url: string): Promise<Observation> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    return await observe(async (sql) => (await client.query<Row>(sql)).rows, folder);
  } finally {
    await client.end();
  }
}

/** The number of connections that servers have, among them those of a server that was killed. */
export async function connectionsOfServers(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rowCount } = await client.query(
      `select 1 from pg_stat_activity
       where application_name = 'berth' and datname = current_database()`,
    );
    return rowCount ?? 0;
  } finally {
    await client.end();
  }
}

async function observe(ask: Ask, folder: string): Promise<Observation> {
  const state = new Map<string, string>();
  for (const { name, digest, size } of await ask(questions.blobs)) {
    state.set(`blob ${name} ${digest}`, String(size));
  }
  for (const { name, digest, size } of await ask(questions.manifests)) {
    state.set(`manifest ${name} ${digest}`, String(size));
  }
  for (const { name, tag, digest } of await ask(questions.tags)) {
    state.set(`tag ${name} ${tag}`, String(digest));
  }
  const problems: string[] = [];
  for (const { manifest, digest } of await ask(questions.holes)) {
    problems.push(`manifest ${manifest} is there without its blob ${digest}`);
  }
  for (const { manifest } of await ask(questions.edgeless)) {
    problems.push(`manifest ${manifest} is there without its edges`);
  }
  const files = await filesOf(join(folder, 'blobs'));
  const named = new Set<string>();
  const live: { digest: string; path: string }[] = [];
  for (const { digest, size, storage_key: key, state: stage } of await ask(questions.files)) {
    named.add(String(key));
    if (stage !== 'live') continue;
    live.push({
      digest: String(digest),
      path: join(folder, 'blobs', String(key).slice(0, 2), String(key)),
    });
    const found = files.get(String(key));
    if (found !== Number(size)) {
      problems.push(`the file of blob ${digest} has ${found ?? 'no'} bytes, not ${size}`);
    }
  }
  const orphans = [...files.keys()].filter((key) => !named.has(key));
  return { state, problems, files: live, orphans };
}

async function filesOf(blobs: string): Promise<Map<string, number>> {
  const files = new Map<string, number>();
  for (const shard of await readdir(blobs)) {
    for (const name of await readdir(join(blobs, shard))) {
      const found = await stat(join(blobs, shard, name)).catch(() => undefined);
      if (found !== undefined) files.set(name, found.size);
    }
  }
  return files;
}
