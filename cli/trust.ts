import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type ContainerRuntime,
  parseRegistryAddress,
  type RegistryAddress,
  registryName,
} from '#kubernetes/certs-d.ts';
import { addCommand, answers } from './command.ts';
import type { Environment } from './environment.ts';
import { CommandFailure, UsageFailure } from './failure.ts';
import type { Output } from './output.ts';
import { runProgram } from './run-program.ts';
import { confirm, hasTerminal } from './terminal.ts';
import { type Authority, fetchAuthority, readAuthority } from './trust/authority.ts';
import {
  distrustInRuntime,
  distrustInSystem,
  type FileChange,
  type TrustChange,
  trustInRuntime,
  trustInSystem,
} from './trust/install.ts';
import {
  findTargets,
  inspectContainerd,
  type TrustTarget,
  trustTargets,
} from './trust/runtimes.ts';
import { findSystemStore, refreshSystemStore } from './trust/system-store.ts';

interface TrustOptions {
  readonly fingerprint?: readonly string[];
  readonly caFile?: string;
  readonly runtime?: readonly TrustTarget[];
  readonly remove?: boolean;
  readonly dryRun?: boolean;
  readonly print?: 'cloud-init';
}

const root = '/';

export function addTrustCommand(program: Command, environment: Environment) {
  const command = addCommand(program, 'trust <host>', {
    summary: 'Make this machine trust a server',
    description:
      'For docker, containerd, podman, CRI-O, and the system itself (Helm, curl).\nThe authority is taken only if it has the fingerprint that the server printed when it started.',
    examples: [
      'sudo berth trust registry.example.com:5000 --fingerprint AB:CD:…',
      'sudo berth trust registry.example.com --ca-file ca.crt --runtime containerd',
      'berth trust registry.example.com --fingerprint AB:CD:… --print cloud-init > user-data',
      'sudo berth trust registry.example.com --remove',
    ],
  })
    .option(
      '--fingerprint <sha256>',
      'the fingerprint that its authority must have; again for the next one, while it is changed',
      (text: string, earlier: readonly string[] = []) => [...earlier, text],
    )
    .option('--ca-file <file>', 'a PEM file, instead of asking the server')
    .option(
      '--runtime <names>',
      `any of ${trustTargets.join(', ')} (default: those that are found here)`,
      readTargets,
    )
    .option('--remove', 'take the trust away again')
    .option('--dry-run', 'tell what would be written, and write nothing')
    .addOption(
      new Option('--print <format>', 'print what new machines need instead').choices([
        'cloud-init',
      ]),
    );
  answers(command, (options: TrustOptions, host: string) => trust(environment, options, host));
}

function readTargets(text: string): readonly TrustTarget[] {
  return text.split(',').map((name) => {
    const target = trustTargets.find((known) => known === name.trim());
    if (target === undefined) {
      throw new InvalidArgumentError(`Write any of ${trustTargets.join(', ')}, joined by commas.`);
    }
    return target;
  });
}

async function trust(environment: Environment, options: TrustOptions, host: string) {
  const address = parseRegistryAddress(host);
  if (address === undefined) {
    throw new UsageFailure(
      `${JSON.stringify(host.slice(0, 200))} names no registry: write HOST or HOST:PORT.`,
    );
  }
  if (options.print === 'cloud-init') {
    const { certificate } = await findAuthority(address, options);
    const { cloudInit } = await import('./trust/cloud-init.ts');
    const text = cloudInit(address, certificate, options.runtime ?? trustTargets);
    return { json: { format: 'cloud-init', content: text }, text };
  }
  const { remove = false, dryRun: rehearse = false } = options;
  if (!rehearse && process.getuid?.() !== 0) {
    throw new CommandFailure(
      `Only root may write below /etc: run sudo berth trust ${registryName(address)} with the same options, or add --dry-run to see what it would do.`,
    );
  }
  const targets = options.runtime ?? (await findTargets(root, environment.searchPath));
  if (targets.length === 0) {
    throw new CommandFailure(
      'No container runtime and no store of authorities was found here: name what you have with --runtime.',
    );
  }
  const change: TrustChange = { root, address, rehearse };
  return remove
    ? report(change, await distrust(change, targets))
    : report(change, await install(change, targets, await findAuthority(address, options)));
}

async function findAuthority(address: RegistryAddress, options: TrustOptions): Promise<Authority> {
  const { caFile, fingerprint } = options;
  if (caFile !== undefined) return readAuthority(caFile, fingerprint);
  const name = registryName(address);
  const authority = await fetchAuthority(name, fingerprint);
  if (fingerprint !== undefined) return authority;
  if (!hasTerminal()) {
    throw new CommandFailure(
      `The authority of ${name} has the fingerprint ${authority.fingerprint}. Compare it with the one that the server printed when it started, then give it with --fingerprint.`,
    );
  }
  process.stderr.write(
    `The authority of ${name} has the fingerprint\n  ${authority.fingerprint}\n`,
  );
  if (await confirm('Is it the one that the server printed when it started?')) return authority;
  throw new CommandFailure('The authority was not accepted: nothing was changed.');
}

interface TargetChange {
  readonly target: TrustTarget;
  readonly files: readonly FileChange[];
  /** What the operator has to do besides. */
  readonly missing?: string;
}

async function install(
  change: TrustChange,
  targets: readonly TrustTarget[],
  { certificate }: Authority,
): Promise<TargetChange[]> {
  const changes: TargetChange[] = [];
  for (const target of targets) {
    if (target === 'system') {
      changes.push(await installInSystem(change, certificate));
    } else {
      const { configPath, missing } = await placeOf(target);
      const files = await trustInRuntime(change, target, certificate, configPath);
      changes.push({ target, files, ...(missing !== undefined && { missing }) });
    }
  }
  return changes;
}

async function distrust(
  change: TrustChange,
  targets: readonly TrustTarget[],
): Promise<TargetChange[]> {
  const changes: TargetChange[] = [];
  for (const target of targets) {
    if (target === 'system') {
      const store = await findSystemStore(change.root);
      const files = store === undefined ? [] : await distrustInSystem(change, store.folder);
      if (store !== undefined && files.length > 0 && !change.rehearse) {
        await refreshSystemStore(store);
      }
      changes.push({ target, files });
    } else {
      const { configPath } = await placeOf(target);
      changes.push({ target, files: await distrustInRuntime(change, target, configPath) });
    }
  }
  return changes;
}

async function placeOf(
  runtime: ContainerRuntime,
): Promise<{ configPath?: string; missing?: string }> {
  if (runtime !== 'containerd') return {};
  const version = await runProgram('containerd', ['--version']).then(
    ({ stdout }) => stdout,
    () => undefined,
  );
  return inspectContainerd(root, version);
}

async function installInSystem(change: TrustChange, certificate: string): Promise<TargetChange> {
  const store = await findSystemStore(change.root);
  if (store === undefined) {
    const missing =
      'This system has neither update-ca-certificates nor update-ca-trust: install the package ca-certificates, or give Helm and others the file with --ca-file.';
    return { target: 'system', files: [], missing };
  }
  const file = await trustInSystem(change, store.folder, certificate);
  if (file.change === 'written' && !change.rehearse) await refreshSystemStore(store);
  return { target: 'system', files: [file] };
}

function report({ address, rehearse }: TrustChange, changes: readonly TargetChange[]): Output {
  const name = registryName(address);
  const lines = [
    ...changes.flatMap(({ target, files }) =>
      files.map((file) => `${target.padEnd(12)}${describe(file, rehearse)}`),
    ),
    ...changes.flatMap(({ missing }) => (missing === undefined ? [] : ['', missing])),
  ];
  return {
    json: { server: name, dry_run: rehearse, changes },
    text: lines.length > 0 ? lines.join('\n') : `Nothing of ${name} was found here.`,
  };
}

function describe({ path, change, note }: FileChange, rehearse: boolean): string {
  const verb =
    rehearse && change === 'written'
      ? 'would write'
      : rehearse && change === 'removed'
        ? 'would remove'
        : change;
  return `${verb} ${path}${note === undefined ? '' : `: ${note}`}`;
}
