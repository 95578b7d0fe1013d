import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { agentRepository } from '#contract/names.ts';
import { systemErrorCode } from '#lib/errors.ts';
import type { ReportProgress } from '#lib/progress.ts';
import { type ImageArchive, writeImageArchive } from '#oci/archive.ts';
import { createRegistryClient, type RegistryClient, RegistryFailure } from '#oci/client.ts';
import type { Content } from '#oci/content.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { parseManifest } from '#oci/manifest.ts';
import type { Api } from '../api.ts';
import { addCommand, answers } from '../command.ts';
import type { Environment } from '../environment.ts';
import { CommandFailure, reasonOf } from '../failure.ts';
import { bytesText, showProgress } from '../progress.ts';
import { currentSession, type NamedSession } from '../sessions.ts';
import { withApi } from '../with-api.ts';

const idleTimeout = 60_000;

export function addAgentImage(noun: Command, environment: Environment) {
  const command = addCommand(noun, 'agent-image', {
    summary: "Write the agent's image into a file, for nodes that cannot pull it",
    description:
      'Every platform that the server has it for, as ctr images import and podman load read it. The server makes the image with the first berth cluster connect.',
    examples: [
      'berth cluster agent-image --output berth-agent.tar',
      'ctr --namespace k8s.io images import berth-agent.tar',
    ],
  }).requiredOption('--output <file>', 'the file to write');
  answers(command, async ({ output }: { output: string }) => {
    const { tag, registry } = await withApi(environment, whichImage);
    const client = clientOf(await currentSession(environment));
    const progress = showProgress();
    try {
      const reference = `${registry}/${agentRepository}:${tag}`;
      const archive = await archiveOf(client, tag, reference, progress.report);
      const bytes = await writeFileOf(output, writeImageArchive(archive));
      progress.end();
      return {
        json: { reference, file: output, bytes },
        text: `Wrote ${reference} into ${output}: ${bytesText(bytes)}.`,
        hint: `On each node: ctr --namespace k8s.io images import ${output}`,
      };
    } finally {
      progress.end();
      client.close();
    }
  });
}

async function whichImage(api: Api): Promise<{ tag: string; registry: string }> {
  const { berth_version: version, registry_url: registry } = await api.get<{
    berth_version?: string;
    registry_url?: string;
  }>('/systeminfo');
  if (version !== undefined && registry !== undefined) return { tag: version, registry };
  throw new CommandFailure(`${api.server} does not say which version it is: sign in to it.`);
}

function clientOf({ server, protocol, authority, username, secret }: NamedSession): RegistryClient {
  return createRegistryClient({
    registry: server,
    protocol,
    credentials: { username, password: secret },
    ...(authority !== undefined && { certificateAuthorities: authority }),
    idleTimeout,
  });
}

/** The image, whose blobs are fetched one by one while they are written. */
async function archiveOf(
  client: RegistryClient,
  tag: string,
  reference: string,
  report: ReportProgress,
): Promise<ImageArchive> {
  const blobs = new Map<Digest, Content>();
  const index = await manifestOf(client, tag);
  blobs.set(index.digest, index.bytes);
  const { children } = parseManifest(index.bytes, index.mediaType);
  for (const child of children) {
    const { bytes, mediaType } = await client.getManifest(agentRepository, child.digest);
    blobs.set(child.digest, bytes);
    const { config, layers } = parseManifest(bytes, mediaType);
    for (const blob of [...(config === undefined ? [] : [config]), ...layers]) {
      blobs.set(blob.digest, fetched(client, blob, report));
    }
  }
  const { mediaType, digest } = index;
  return {
    reference,
    root: { mediaType, digest, size: index.bytes.length },
    blobs,
    architecture: children[0]?.platform?.architecture ?? 'amd64',
  };
}

async function manifestOf(client: RegistryClient, tag: string) {
  try {
    return await client.getManifest(agentRepository, tag);
  } catch (error) {
    if (!(error instanceof RegistryFailure) || error.status !== 404) throw error;
    throw new CommandFailure(
      `The server has not made ${agentRepository}:${tag} yet: run berth cluster connect NAME --form air-gapped --output FILE first.`,
    );
  }
}

function fetched(client: RegistryClient, blob: Descriptor, report: ReportProgress): Content {
  return {
    size: blob.size,
    chunks: {
      async *[Symbol.asyncIterator]() {
        const { content } = await client.getBlob(agentRepository, blob.digest);
        let bytes = 0;
        for await (const chunk of content) {
          bytes += chunk.length;
          report({ step: 'fetching the image', done: 0, total: undefined, bytes });
          yield chunk;
        }
      },
    },
  };
}

/** @returns how many bytes there were; a file that is not whole is removed */
async function writeFileOf(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  async function* counted() {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      yield chunk;
    }
  }
  try {
    await pipeline(counted, createWriteStream(path));
    return bytes;
  } catch (error) {
    if (systemErrorCode(error) === undefined) {
      await rm(path, { force: true });
      throw error;
    }
    throw new CommandFailure(`${path} cannot be written: ${reasonOf(error)}.`);
  }
}
