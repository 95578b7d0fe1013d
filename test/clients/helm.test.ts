import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  type Bed,
  type Person,
  privateProject,
  publicProject,
  startBed,
  trustInSystem,
} from './bed.ts';
import { anonymousLacks, containing, lacks, unknownAuthority, wrongPassword } from './sentences.ts';
import { type Typist, typistOf } from './typing.ts';

describe('helm', () => {
  let bed: Bed;
  let typed: Typist;

  before(async () => {
    bed = await startBed();
    typed = typistOf(bed);
    await typed.succeeds(
      'developer',
      `helm-4.3 create nginx
export GNUPGHOME=$HOME/gnupg
mkdir -m 700 gnupg
gpg --batch --passphrase '' --quick-generate-key 'Dora <dora@berth.test>' rsa2048 sign never
gpg --batch --export-secret-keys >secret.gpg
gpg --batch --export >public.gpg`,
    );
  });
  after(() => bed.stop());

  for (const helm of ['helm-4.3', 'helm-3.22']) {
    describe(helm, () => modern(helm));
  }
  describe('helm 4.3, 3.22 and 3.3 on a machine that trusts Berth', () => {
    test('need nothing more than the system has', async () => {
      await trustInSystem(bed);
      for (const helm of ['helm-4.3', 'helm-3.22', 'helm-3.3']) {
        await typed.succeeds(
          'token',
          `HELM_EXPERIMENTAL_OCI=1 ${helm} registry login --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"`,
        );
      }
    });

    for (const helm of ['helm-4.3', 'helm-3.22']) {
      test(`${helm} takes a dependency from Berth`, async () => {
        await typed.succeeds(
          'token',
          `mkdir $FOLDER
${helm} create $FOLDER/parent
cat >>$FOLDER/parent/Chart.yaml <<END
dependencies:
  - name: nginx
    version: ^0.1.0
    repository: oci://$REGISTRY/${privateProject}/${helm}
END
${helm} dependency update $FOLDER/parent
${helm} dependency build $FOLDER/parent`,
          { env: { FOLDER: `dependency-${helm}` } },
        );
        const parent = join(bed.workstation.home, `dependency-${helm}`, 'parent');
        assert.deepEqual(await readdir(join(parent, 'charts')), ['nginx-0.1.0.tgz']);
      });
    }
  });
  describe('helm 3.3', experimental);

  /** Each writes into repositories and folders of its own. */
  function modern(helm: string): void {
    const repository = `${privateProject}/${helm}`;

    test('does not speak to Berth before it knows the authority', async () => {
      const signIn = `${helm} registry login --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"`;
      assert.match(await typed.fails('developer', signIn), unknownAuthority);
      const pull = `${helm} pull oci://$REGISTRY/${repository}/nginx --version 0.1.0`;
      assert.match(await typed.fails('developer', pull), unknownAuthority);
    });

    test('shows why a sign-in is refused', async () => {
      const refusal = await typed.fails(
        'developer',
        `${helm} registry login --ca-file ca.crt --username "$NAME" --password-stdin $REGISTRY <<<wrong`,
      );
      assert.match(refusal, wrongPassword(bed.people.developer.username));
    });

    test('signs in with a password, an access token and as a robot', async () => {
      const people: readonly Person[] = ['developer', 'token', 'robot', 'stranger'];
      for (const person of people) {
        await typed.succeeds(
          person,
          `${helm} registry login --ca-file ca.crt --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"`,
        );
      }
      const password = '--username "$NAME" --password "$PASSWORD"';
      await typed.succeeds(
        'developer',
        `${helm} registry login --ca-file ca.crt ${password} $REGISTRY`,
      );
    });

    test('packages, pushes, shows, pulls and renders a chart', async () => {
      const output = await typed.succeeds(
        'developer',
        `${helm} package nginx --destination ${helm}
${helm} push --ca-file ca.crt ${helm}/nginx-0.1.0.tgz oci://$REGISTRY/${repository} 2>&1`,
      );
      assert.match(output, containing(`Pushed: ${bed.berth.name}/${repository}/nginx:0.1.0`));
      const chart = `--ca-file ca.crt oci://$REGISTRY/${repository}/nginx --version 0.1.0`;
      const shown = await typed.succeeds('robot', `${helm} show all ${chart}`);
      assert.match(shown, /^name: nginx$/m);
      assert.match(shown, /# Default values for nginx\./);
      await typed.succeeds(
        'robot',
        `mkdir ${helm}/pulled
${helm} pull ${chart} --destination ${helm}/pulled
cmp ${helm}/nginx-0.1.0.tgz ${helm}/pulled/nginx-0.1.0.tgz`,
      );
      const rendered = await typed.succeeds('robot', `${helm} template ${chart}`);
      assert.equal(rendered, await typed.succeeds('robot', `${helm} template nginx`));
    });

    test('finds versions by ranges, build metadata included', async () => {
      for (const version of ['0.2.0', '1.0.0+build.7', '2.0.0-rc.1']) {
        await typed.succeeds(
          'developer',
          `${helm} package nginx --version ${version} --destination ${helm}
${helm} push --ca-file ca.crt ${helm}/nginx-${version}.tgz oci://$REGISTRY/${repository}`,
        );
      }
      const expected: readonly [string, string][] = [
        ['^0.1', '0.1.0'],
        ['>0.1.0 <1', '0.2.0'],
        ['>=0.1.0', '1.0.0+build.7'],
        ['1.0.0+build.7', '1.0.0+build.7'],
        ['>=2.0.0-0', '2.0.0-rc.1'],
      ];
      for (const [range, version] of expected) {
        const shown = await typed.succeeds(
          'robot',
          `${helm} show chart --ca-file ca.crt oci://$REGISTRY/${repository}/nginx --version '${range}'`,
        );
        assert.match(shown, new RegExp(`^version: ${RegExp.escape(version)}$`, 'm'));
      }
    });

    test('carries the provenance of a signed chart', async () => {
      await typed.succeeds(
        'developer',
        `${helm} package nginx --sign --key dora --keyring secret.gpg --version 0.1.0 --destination ${helm}/signed
${helm} push --ca-file ca.crt ${helm}/signed/nginx-0.1.0.tgz oci://$REGISTRY/${repository}/signed`,
      );
      const output = await typed.succeeds(
        'robot',
        `mkdir ${helm}/verified
${helm} pull --ca-file ca.crt oci://$REGISTRY/${repository}/signed/nginx --version 0.1.0 --verify --keyring public.gpg --destination ${helm}/verified 2>&1`,
      );
      assert.match(output, /Signed by: Dora <dora@berth\.test>/);
      await typed.succeeds(
        'robot',
        `cmp ${helm}/signed/nginx-0.1.0.tgz.prov ${helm}/verified/nginx-0.1.0.tgz.prov`,
      );
    });

    test('shows what a user lacks', async () => {
      const { username } = bed.people.stranger;
      const name = `${repository}/nginx`;
      const pull = `${helm} pull --ca-file ca.crt oci://$REGISTRY/${name}`;
      const push = `${helm} push --ca-file ca.crt ${helm}/nginx-0.1.0.tgz oci://$REGISTRY/${repository}`;
      assert.match(
        await typed.fails('stranger', `${pull} --version 0.1.0`),
        lacks(username, 'pull', name),
      );
      assert.match(
        await typed.fails('stranger', `${pull} --version '>0'`),
        lacks(username, 'pull', name),
      );
      assert.match(await typed.fails('stranger', push), lacks(username, 'push', name));
      assert.match(
        await typed.fails('nobody', `${pull} --version 0.1.0`),
        anonymousLacks('pull', name),
      );
      assert.match(await typed.fails('nobody', push), anonymousLacks('push', name));
      assert.match(
        await typed.fails('robot', push),
        containing(`robot ${bed.people.robot.username} has no push on ${name}`),
      );
      assert.match(
        await typed.fails(
          'developer',
          `${helm} push --ca-file ca.crt ${helm}/nginx-0.1.0.tgz oci://$REGISTRY`,
        ),
        containing('repositories read PROJECT/NAME, so write for instance library/nginx'),
      );
    });

    test('pulls from a public project without a sign-in', async () => {
      await typed.succeeds(
        'developer',
        `${helm} push --ca-file ca.crt ${helm}/nginx-0.1.0.tgz oci://$REGISTRY/${publicProject}/${helm}`,
      );
      await typed.succeeds(
        'nobody',
        `mkdir ${helm}/open
${helm} pull --ca-file ca.crt oci://$REGISTRY/${publicProject}/${helm}/nginx --destination ${helm}/open
cmp ${helm}/nginx-0.1.0.tgz ${helm}/open/nginx-0.1.0.tgz`,
      );
    });
  }

  /** The client of the years when OCI was an experiment: 3.0 to 3.6. */
  function experimental(): void {
    const env = { HELM_EXPERIMENTAL_OCI: '1' };
    const name = `${privateProject}/saved`;
    const reference = `$REGISTRY/${name}:ithome`;

    test('does not speak to Berth before it knows the authority', async () => {
      const refusal = await typed.fails(
        'developer',
        'SSL_CERT_DIR=/none SSL_CERT_FILE=/none helm-3.3 registry login --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"',
        { env },
      );
      assert.match(refusal, unknownAuthority);
    });

    test('signs in, and shows why a sign-in is refused', async () => {
      const signIn = 'helm-3.3 registry login --username "$NAME" --password-stdin $REGISTRY';
      assert.match(
        await typed.fails('developer', `${signIn} <<<wrong`, { env }),
        wrongPassword(bed.people.developer.username),
      );
      for (const person of ['developer', 'robot', 'stranger'] as const) {
        await typed.succeeds(person, `${signIn} <<<"$PASSWORD"`, { env });
      }
    });

    test('saves, pushes, removes, pulls and exports a chart', async () => {
      await typed.succeeds(
        'developer',
        `cd nginx
helm-3.3 chart save . ${reference}
helm-3.3 chart push ${reference}
helm-3.3 chart remove ${reference}`,
        { env },
      );
      const pulled = await typed.succeeds(
        'robot',
        `helm-3.3 chart pull ${reference}
helm-3.3 chart export ${reference} --destination exported`,
        { env },
      );
      assert.match(pulled, /Downloaded newer chart/);
      const folder = bed.workstation.home;
      for (const file of ['values.yaml', 'templates/deployment.yaml']) {
        assert.equal(
          await readFile(join(folder, 'exported/nginx', file), 'utf8'),
          await readFile(join(folder, 'nginx', file), 'utf8'),
        );
      }
    });

    test('shows what a user lacks who pulls', async () => {
      const { username } = bed.people.stranger;
      assert.match(
        await typed.fails('stranger', `helm-3.3 chart pull ${reference}`, { env }),
        lacks(username, 'pull', name),
      );
    });

    test('is refused a push without the right to it', async () => {
      const refusal = await typed.fails(
        'stranger',
        `helm-3.3 chart save nginx ${reference} && helm-3.3 chart push ${reference}`,
        { env },
      );
      // This client shows the status of a refused push and nothing else.
      assert.match(refusal, /403 Forbidden/);
    });
  }
});
