import { randomBytes } from 'node:crypto';
import { type Blob, blobOf, clientOf, pushLargeBlob } from '../clients.ts';
import type { Measured } from '../measuring/figures.ts';
import { type LoadResult, wrk } from '../measuring/wrk.ts';
import { type Bench, inTurn, type Section } from '../section.ts';
import { type Berth, startBerth } from '../servers/berth.ts';
import { makeCertificate } from '../servers/certificate.ts';
import { startDistribution } from '../servers/distribution.ts';
import type { Program } from '../servers/program.ts';
import { describeLoad, medianOf, megabytes } from './shared.ts';

const repository = 'bench/large';
const connections = 4;

export const blobSection: Section = {
  database: 'sqlite',
  rows: [
    {
      name: 'blob-http/distribution',
      title: 'pull of a blob of 100 MB by HTTP',
      unit: 'MB/s',
      against: 'distribution',
      bar: { of: 'ratio', atLeast: 1.1 },
    },
    {
      name: 'blob-tls/distribution',
      title: 'pull of a blob of 100 MB by TLS',
      unit: 'MB/s',
      against: 'distribution',
      bar: { of: 'ratio', atLeast: 1.3 },
    },
  ],
  measure,
};

async function measure(bench: Bench): Promise<Record<string, Measured>> {
  const { folder, scale } = bench;
  const certificate = await makeCertificate(folder);
  await using berth = await startBerth({ folder, certificate });
  await using plain = await startDistribution({ folder });
  const blob = blobOf(randomBytes(scale.blobBytes));
  const token = await pushTo(berth, plain, blob);
  // It serves what the other has stored.
  await using secure = await startDistribution({ folder, certificate });

  const path = `/v2/${repository}/blobs/${blob.digest}`;
  const load = (server: Program, origin = server.origin) =>
    wrk(server.pid, {
      url: origin + path,
      connections,
      seconds: scale.seconds,
      headers: { authorization: `Bearer ${token}` },
    });
  const secureOrigin = berth.origin.replace('http:', 'https:');
  const found = await inTurn(bench, {
    'Berth by HTTP': () => load(berth),
    'distribution by HTTP': () => load(plain),
    'Berth by TLS': () => load(berth, secureOrigin),
    'distribution by TLS': () => load(secure),
  });
  return {
    'blob-http/distribution': compared(found['Berth by HTTP'], found['distribution by HTTP']),
    'blob-tls/distribution': compared(found['Berth by TLS'], found['distribution by TLS']),
  };
}

function compared(own: readonly LoadResult[], others: readonly LoadResult[]): Measured {
  const rate = (results: readonly LoadResult[]) =>
    megabytes(medianOf(results, ({ bytesPerSecond }) => bytesPerSecond));
  return {
    value: rate(own),
    ratio: rate(own) / rate(others),
    details: `${describeLoad(own)}; other: ${describeLoad(others)}`,
  };
}

async function pushTo(berth: Berth, distribution: Program, blob: Blob): Promise<string> {
  const pushing = await berth.token(`repository:${repository}:pull,push`);
  for (const client of [clientOf(berth.origin, pushing), clientOf(distribution.origin)]) {
    await pushLargeBlob(client, repository, blob);
    client.close();
  }
  return berth.token(`repository:${repository}:pull`);
}
