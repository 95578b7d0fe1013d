// npm run test:conformance: the official program of the distribution specification against Berth.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { startServer } from '#test/server.ts';
import { conclude } from '#test/suite.ts';
import { ensureTools, recipes } from '#test/tools/index.ts';

/**
 * Every workflow and every kind of content that the program knows, but one: with OCI_DATA_SPARSE it
 * pushes an image whose layer was never pushed, which Berth refuses so that no pull finds a hole.
 * Sparse indexes, which Berth accepts, are tested with the registry.
 */
const everything = {
  OCI_API_BLOBS_UPLOAD_CANCEL: 'true',
  OCI_API_BLOBS_DIGEST_HEADER: 'true',
  OCI_API_MANIFESTS_DIGEST_HEADER: 'true',
  OCI_API_MANIFESTS_TAG_PARAM: 'true',
};

const versions = ['1.1', 'dev'];
const limitMilliseconds = 300_000;

const { conformance } = await ensureTools(recipes.conformance);
const counts = { passed: 0, failed: 0, skipped: 0 };
for (const version of versions) await check(version, 'SQLite');
const missing = skipWithoutPostgres();
if (missing === false) {
  const postgres = await startPostgres();
  try {
    for (const version of versions) {
      await check(version, 'PostgreSQL', await postgres.createDatabase());
    }
  } finally {
    await postgres.stop();
  }
} else {
  console.log(`PostgreSQL: skipped, ${missing}`);
  counts.skipped += versions.length;
}
conclude(counts);

async function check(version: string, database: string, databaseUrl?: string): Promise<void> {
  const results = mkdtempSync(join(tmpdir(), 'berth-conformance-'));
  const server = await startServer(databaseUrl === undefined ? {} : { databaseUrl });
  try {
    const authority = join(results, 'ca.crt');
    writeFileSync(authority, server.authority);
    const [username, password] = server.admin.split(':');
    const output = await run(conformance, {
      ...everything,
      OCI_VERSION: version,
      OCI_REGISTRY: server.host,
      OCI_USERNAME: username,
      OCI_PASSWORD: password,
      OCI_RESULTS_DIR: results,
      SSL_CERT_FILE: authority,
    });
    const junit = readFileSync(join(results, 'junit.xml'), 'utf8');
    const count = (status: string) => junit.split(`status="${status}"`).length - 1;
    const tests = Number(/<testsuites [^>]*\btests="(\d+)"/.exec(junit)?.[1] ?? 0);
    const failed = count('failure') + count('error');
    const skipped = count('skipped');
    counts.passed += tests - failed - skipped;
    // A workflow that the program skips is one that Berth did not serve.
    counts.failed += failed + skipped;
    console.log(`${version} on ${database}: ${tests} tests, ${failed} failed, ${skipped} skipped`);
    if (failed > 0 || skipped > 0) console.log(output);
  } finally {
    await server.stop();
    rmSync(results, { recursive: true, force: true });
  }
}

function run(program: string, environment: Record<string, string | undefined>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
      timeout: limitMilliseconds,
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk));
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}
