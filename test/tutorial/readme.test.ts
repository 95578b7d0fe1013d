import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Berth, startBerth } from '#test/berth.ts';
import { createLan, type Lan } from '#test/hosts.ts';
import { repositoryRoot } from '#test/suite.ts';
import { type Cluster, type Docker, startCluster, startDocker } from '../cluster/index.ts';
import { haveOwnStore, helmProgram, suite } from './bed.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** The commands of README.md, in order; a quoted text may go over several lines. */
function commandsOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  return blocks.flatMap((block) => {
    const commands: string[] = [];
    for (const line of block.trimEnd().split('\n')) {
      const last = commands.at(-1);
      const isOpen = last !== undefined && (last.split("'").length - 1) % 2 === 1;
      if (isOpen) commands[commands.length - 1] = `${last}\n${line}`;
      else commands.push(line);
    }
    return commands;
  });
}

const start = 'npm start';
const [first, ...tour] = commandsOf(readFileSync(join(repositoryRoot, 'README.md'), 'utf8'));

describe('the README, typed from top to bottom on one machine', () => {
  let lan: Lan;
  let berth: Berth;
  let docker: Docker;
  let cluster: Cluster;
  let terminal: Terminal;

  before(async () => {
    lan = await createLan(suite);
    const desk = await lan.addHost({ name: 'desk', address: '10.77.0.3' });
    await haveOwnStore(desk);
    [berth, docker, cluster] = await Promise.all([
      startBerth(desk, { command: ['npm', 'start'] }),
      startDocker(desk),
      startCluster({ lan, nodes: [{ name: 'node', address: '10.77.0.11', containerd: '2.4' }] }),
    ]);
    await cluster.administerFrom(desk);
    await desk.install({ helm: await helmProgram('4.3') });
    terminal = openTerminal(desk, repositoryRoot);
  });
  after(async () => {
    await terminal?.type('rm -rf hello hello-0.1.0.tgz');
    await Promise.all([cluster?.stop(), docker?.stop(), berth?.stop()]);
    await lan?.stop();
  });

  test('begins with the one command that starts the server', () => {
    assert.equal(first, start);
    assert.ok(tour.length >= 15, `only ${tour.length} commands follow`);
  });

  for (const command of tour) {
    test(command.split('\n')[0] ?? '', async () => {
      const { password } = berth.admin;
      const typed = command
        .replaceAll('FINGERPRINT', berth.fingerprint)
        .replaceAll('PASSWORD', password);
      const isAsked = /\blogin\b/.test(command);
      await terminal.type(typed, isAsked ? { answers: [password] } : {});
    });
  }
});
