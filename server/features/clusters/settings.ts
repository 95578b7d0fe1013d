import type { ClusterSettings } from '#contract/clusters.ts';
import { isImageName } from '#kubernetes/manifests/node-images.ts';
import { quote } from '#lib/quote.ts';
import type { ServerCertificates } from '#server/certificates/certificates.ts';
import type { ServedNames } from '#server/certificates/names.ts';
import { checkAddresses } from './addresses.ts';
import { invalid } from './errors.ts';

/**
 * Settings as they are kept, those that were chosen only.
 * @throws {Refusal} `invalid`
 */
export function checkSettings(
  { addresses, node_image: image, ...chosen }: ClusterSettings,
  options: { readonly certificates: ServerCertificates; readonly served: ServedNames },
): ClusterSettings {
  if (image !== undefined && image !== '' && !isImageName(image)) {
    throw invalid(
      `The image ${quote(image)} is none that nodes can run: write a name such as registry.k8s.io/pause:3.10, or "" to let Berth choose.`,
    );
  }
  return {
    ...chosen,
    ...(image !== undefined && { node_image: image }),
    ...(addresses !== undefined && { addresses: checkAddresses(addresses, options) }),
  };
}
