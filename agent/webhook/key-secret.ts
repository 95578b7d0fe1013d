import { X509Certificate } from 'node:crypto';
import { type KubernetesApi, resources, type Secret } from '#kubernetes/api/index.ts';
import { berthNamespace, ourLabels, webhookSecretName } from '#kubernetes/manifests/names.ts';
import { createServingCertificate, type ServingCertificate } from './certificate.ts';
import { serviceNames } from './configuration.ts';

/** What the Secret `berth-agent-webhook` holds for all agents, whichever of them leads. */
export interface WebhookKeys {
  readonly serving: ServingCertificate;
  /** PEM: the certificate that is served, and the one before it, which others may serve still. */
  readonly authorities: string;
}

const hour = 3_600_000;
const validMilliseconds = 7 * 24 * hour;
const renewedBefore = 2 * 24 * hour;
/** Clocks of a cluster are not all the same. */
const earlier = hour;

const place = { name: webhookSecretName, namespace: berthNamespace };
const previousKey = 'previous.crt';

/** Undefined where there is none that can be used. */
export async function findWebhookKeys(
  api: KubernetesApi,
  signal: AbortSignal,
): Promise<WebhookKeys | undefined> {
  const secret = await api.find(resources.secrets, place, { signal });
  return secret === undefined ? undefined : readKeys(secret);
}

/** The keys to serve with; new ones where there are none, or where they end soon. */
export async function ensureWebhookKeys(
  api: KubernetesApi,
  now: number,
  signal: AbortSignal,
): Promise<WebhookKeys> {
  const present = await findWebhookKeys(api, signal);
  if (present !== undefined && endOf(present) > now + renewedBefore) return present;
  const serving = createServingCertificate({
    names: serviceNames,
    notBefore: new Date(now - earlier),
    notAfter: new Date(now + validMilliseconds),
  });
  const previous = present?.serving.certificate ?? '';
  await api.patch(
    resources.secrets,
    place,
    {
      type: 'apply',
      force: true,
      body: {
        metadata: { ...place, labels: ourLabels },
        type: 'Opaque',
        data: {
          'tls.crt': base64(serving.certificate),
          'tls.key': base64(serving.key),
          [previousKey]: base64(previous),
        },
      } as Secret,
    },
    { signal },
  );
  return { serving, authorities: serving.certificate + previous };
}

export async function deleteWebhookKeys(api: KubernetesApi): Promise<void> {
  await api.delete(resources.secrets, place);
}

function readKeys({ data = {} }: Secret): WebhookKeys | undefined {
  const certificate = plain(data['tls.crt']);
  const serving = { certificate, key: plain(data['tls.key']) };
  const previous = plain(data[previousKey]);
  const keys = { serving, authorities: certificate + previous };
  return Number.isFinite(endOf(keys)) && serving.key.includes('PRIVATE KEY') ? keys : undefined;
}

function endOf({ serving }: WebhookKeys): number {
  try {
    return new X509Certificate(serving.certificate).validToDate.getTime();
  } catch {
    return Number.NaN;
  }
}

function plain(value: string | undefined): string {
  return Buffer.from(value ?? '', 'base64').toString('utf8');
}

function base64(value: string): string {
  return Buffer.from(value, 'utf8').toString('base64');
}
