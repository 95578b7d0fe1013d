import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Bed, privateProject, publicProject, startBed } from './bed.ts';
import { unknownAuthority } from './sentences.ts';
import { type Typist, typistOf } from './typing.ts';

/** A project's index.yaml, for those who `helm repo add`. */
describe('helm repo', () => {
  let bed: Bed;
  let typed: Typist;

  before(async () => {
    bed = await startBed();
    typed = typistOf(bed);
    await typed.succeeds(
      'developer',
      `helm-4.3 create nginx
helm-4.3 registry login --ca-file ca.crt --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"
for version in 0.1.0 0.2.0 1.0.0+build.7; do
  helm-4.3 package nginx --version $version --app-version 9.$version --destination charts
  for project in ${privateProject} ${publicProject}; do
    helm-4.3 push --ca-file ca.crt charts/nginx-$version.tgz oci://$REGISTRY/$project
  done
done`,
    );
  });
  after(() => bed.stop());

  for (const helm of ['helm-4.3', 'helm-3.22', 'helm-3.3']) {
    describe(helm, () => {
      const login = '--username "$NAME" --password "$PASSWORD"';
      const add = (project: string, options: string) =>
        `${helm} repo add ${helm} https://$REGISTRY/chartrepo/${project} ${options}`;

      test('does not speak to Berth before it knows the authority', async () => {
        assert.match(await typed.fails('stranger', add(privateProject, login)), unknownAuthority);
      });

      test('adds only what the user may read', async () => {
        const trusting = `--ca-file ca.crt`;
        await typed.fails('nobody', add(privateProject, trusting));
        await typed.fails('stranger', add(privateProject, `${trusting} ${login}`));
        await typed.fails(
          'developer',
          add(privateProject, `${trusting} --username "$NAME" --password wrong`),
        );
        await typed.succeeds('robot', add(privateProject, `${trusting} ${login}`));
        await typed.succeeds('nobody', add(publicProject, trusting));
      });

      test('searches, shows and pulls every version', async () => {
        for (const person of ['robot', 'nobody'] as const) {
          const found = await typed.succeeds(
            person,
            `${helm} repo update >/dev/null && ${helm} search repo ${helm}/ --versions`,
          );
          for (const version of ['0.1.0', '0.2.0', '1.0.0+build.7']) {
            const [of, app] = [version, `9.${version}`].map((text) => RegExp.escape(text));
            assert.match(
              found,
              new RegExp(`^${RegExp.escape(helm)}/nginx\\s+${of}\\s+${app}\\s`, 'm'),
            );
          }
          await typed.succeeds(
            person,
            `mkdir -p ${helm}-${person}
for version in 0.1.0 1.0.0+build.7; do
  ${helm} pull ${helm}/nginx --version $version --destination ${helm}-${person}
  cmp charts/nginx-$version.tgz ${helm}-${person}/nginx-$version.tgz
done`,
          );
          const shown = await typed.succeeds(
            person,
            `${helm} show chart ${helm}/nginx --version '^0.1'`,
          );
          assert.match(shown, /^version: 0\.1\.0$/m);
        }
      });
    });
  }
});
