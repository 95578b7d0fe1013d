import { after, before, describe } from 'node:test';
import type { KubernetesApi } from '#kubernetes/api/index.ts';
import { openAdminApi } from '../admin-api.ts';
import type { Bed } from '../bed.ts';
import type { ContainerdVersion } from '../index.ts';
import { haveConnected } from '../preparation.ts';
import { firstPodTests } from '../pull-secrets/first-pods.ts';
import { manyNamespaceTests } from '../pull-secrets/many.ts';
import { obstacleTests } from '../pull-secrets/obstacles.ts';
import { outageTests } from '../pull-secrets/outages.ts';
import { placingTests } from '../pull-secrets/placing.ts';
import { openScene, type Scene } from '../pull-secrets/scene.ts';
import { webhookTests } from '../pull-secrets/webhook.ts';

export function pullSecretsSection(bed: () => Bed, version: ContainerdVersion): void {
  describe('pull secrets', () => {
    let api: KubernetesApi | undefined;
    let scene: Scene | undefined;

    before(async () => {
      await haveConnected(bed());
      api = await openAdminApi(bed().cluster);
      scene = await openScene(bed(), api);
    });
    after(() => api?.close());

    const opened = () => {
      if (scene === undefined) throw new Error('The section has not begun.');
      return scene;
    };
    placingTests(opened);
    obstacleTests(opened);
    firstPodTests(opened);
    outageTests(opened, version === '2.4');
    webhookTests(opened);
    manyNamespaceTests(opened);
  });
}
