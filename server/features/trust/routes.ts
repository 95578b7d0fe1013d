import { X509Certificate } from 'node:crypto';
import { AuthorityFollowers, AuthorityInformation, AuthorityStep } from '#contract/trust.ts';
import { Refusal } from '#lib/errors.ts';
import { type RotationPhase, trustBundle } from '#server/certificates/authority-set.ts';
import type { AuthorityRotation, ServerCertificates } from '#server/certificates/certificates.ts';
import { authorize, type RestApplication, restPrefix } from '#server/http/rest/index.ts';
import { systemResource } from '#server/permissions/decide.ts';

export interface TrustOptions {
  readonly certificates: ServerCertificates;
  /** Tells which nodes of clusters have been given exactly this PEM text to trust. */
  readonly followersOf: (bundle: string) => Promise<AuthorityFollowers>;
}

const tags = ['authority'];
const base = `${restPrefix}/authority`;
const mostNamed = 5;

/**
 * What to trust is public, so that a machine can fetch it before it trusts anything. To change it is
 * for system admins.
 */
export function addTrustRoutes(application: RestApplication, options: TrustOptions) {
  const { certificates, followersOf } = options;
  const bundle = () => trustBundle(certificates.authorities());

  function authority(): AuthorityInformation {
    const [first] = certificates.authorities();
    if (first === undefined) {
      throw new Refusal(
        'not-found',
        'This server uses a certificate that its administrator brought: trust the authority that issued it.',
      );
    }
    return {
      certificate: first.certificate,
      fingerprint: first.fingerprint,
      public_key_pin: certificates.publicKeyPin(),
      phase: phase(),
      authorities: certificates.authorities().map((one) => ({
        ...one,
        ends: new X509Certificate(one.certificate).validToDate.toISOString(),
      })),
    };
  }

  function phase(): RotationPhase {
    const roles = certificates.authorities().map(({ role }) => role);
    if (roles.includes('next')) return 'announced';
    return roles.includes('previous') ? 'switched' : 'steady';
  }

  application.get(
    '/ca.crt',
    { schema: { tags, summary: 'Every authority to trust, as PEM' } },
    (_request, reply) => {
      authority();
      reply.type('application/x-pem-file').send(bundle());
    },
  );

  application.get(
    base,
    {
      schema: {
        tags,
        summary: 'The authorities with their fingerprints',
        response: { 200: AuthorityInformation },
      },
    },
    async () => authority(),
  );

  application.get(
    `${base}/followers`,
    {
      schema: {
        tags,
        summary: 'How many nodes of connected clusters trust all of them',
        response: { 200: AuthorityFollowers },
      },
    },
    async (request) => {
      await authorize(request, 'authority:update', systemResource);
      return followersOf(bundle());
    },
  );

  application.post(
    `${base}/steps`,
    {
      schema: {
        tags,
        summary: 'Take a step of a change of the authority',
        body: AuthorityStep,
        response: { 200: AuthorityInformation },
      },
    },
    async (request) => {
      await authorize(request, 'authority:update', systemResource);
      const { step, force = false } = request.body;
      const { rotation } = certificates;
      if (rotation === undefined) {
        throw new Refusal(
          'conflict',
          'The authority of this server is not its own: renew the files that BERTH_TLS_CERTIFICATE, BERTH_TLS_KEY and BERTH_TLS_AUTHORITY name.',
        );
      }
      if (step === 'switch' && !force && phase() === 'announced') await refuseEarly();
      await take(step, rotation);
      return authority();
    },
  );

  /** A node that has not heard of the next authority could pull nothing more. */
  async function refuseEarly() {
    const { waiting } = await followersOf(bundle());
    if (waiting.length === 0) return;
    const named = waiting.slice(0, mostNamed).map(({ cluster, node }) => `${cluster}/${node}`);
    const more = waiting.length > mostNamed ? ` and ${waiting.length - mostNamed} more` : '';
    throw new Refusal(
      'precondition',
      `The nodes ${named.join(', ')}${more} do not trust the next authority yet: see berth cluster nodes for the reason, or switch with --force and leave them without pulls.`,
    );
  }
}

function take(step: AuthorityStep['step'], rotation: AuthorityRotation): Promise<void> {
  switch (step) {
    case 'announce':
      return rotation.announce();
    case 'cancel':
      return rotation.cancel();
    case 'switch':
      return rotation.switchOver();
    case 'retire':
      return rotation.retire();
  }
}
