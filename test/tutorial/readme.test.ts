import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Berth, startBerth } from '#test/berth.ts';
import { haveOwnClone } from '#test/clone.ts';
import { commandsOf } from '#test/commands.ts';
import { createLan, type Host, type Lan } from '#test/hosts.ts';
import { repositoryRoot } from '#test/suite.ts';
import { openTerminal, type Terminal } from '#test/terminal.ts';
import { type Cluster, type Docker, startCluster, startDocker } from '../cluster/index.ts';
import { suite } from './bed.ts';
import { helmProgram } from './programs.ts';

const text = readFileSync(join(repositoryRoot, 'README.md'), 'utf8');
const readme = {
  name: 'The README',
  programs: ['npm', 'sudo', './berth', 'docker', 'helm', 'kubectl', 'curl', 'echo'],
  placeholders: ['FINGERPRINT', 'PASSWORD'],
};

describe('the README, typed from top to bottom on one machine', () => {
  const [start, ...commands] = commandsOf(text, readme);
  const isAboutClusters = (command: string) => command.startsWith('./berth cluster');
  const tour = commands.filter((command) => !isAboutClusters(command));
  let lan: Lan;
  let berth: Berth;
  let docker: Docker;
  let cluster: Cluster;
  let terminal: Terminal;

  before(async () => {
    lan = await createLan(suite);
    const desk = await lan.addHost({ name: 'desk', number: 3 });
    await Promise.all([haveOwnClone(desk), beRoot(desk)]);
    [berth, docker, cluster] = await Promise.all([
      startBerth(desk, { command: ['npm', 'start'] }),
      startDocker(desk),
      // The README makes Secrets, and no pods.
      startCluster({ lan, nodes: [] }),
    ]);
    await cluster.administerFrom(desk);
    await desk.install({ helm: await helmProgram('4.3') });
    terminal = openTerminal(desk, repositoryRoot);
  });
  after(async () => {
    await Promise.all([cluster?.stop(), docker?.stop(), berth?.stop()]);
    await lan?.stop();
  });

  test('begins with the one command that starts the server', () => {
    assert.equal(start, 'npm start');
    assert.ok(tour.length >= 15, `only ${tour.length} commands follow`);
  });

  test('says nothing of clusters but what docs/kubernetes.md does, whose commands have a bed', () => {
    const page = readFileSync(join(repositoryRoot, 'docs/kubernetes.md'), 'utf8');
    const aboutClusters = commands.filter(isAboutClusters);
    assert.ok(aboutClusters.length > 0);
    for (const command of aboutClusters) assert.ok(page.includes(`\n${command}\n`), command);
  });

  for (const command of tour) {
    test(command.split('\n')[0] ?? '', async () => {
      const { password } = berth.admin;
      const typed = command
        .replaceAll('FINGERPRINT', berth.fingerprint)
        .replaceAll('PASSWORD', password);
      const isAsked = /\blogin\b/.test(command);
      const said = await terminal.type(typed, isAsked ? { answers: [password] } : {});
      // What Helm says, without failing, of a search that finds nothing.
      assert.doesNotMatch(said, /No results found/);
    });
  }
});

/** The person at the host is root already, and may lack sudo. */
async function beRoot(host: Host): Promise<void> {
  const sudo = join(host.home, 'sudo');
  await host.shell(`printf '#!/bin/sh\\nexec "$@"\\n' >${sudo} && chmod +x ${sudo}`);
  await host.install({ sudo });
}
