import { AuthorityInformation } from '#contract/trust.ts';
import { Refusal } from '#lib/errors.ts';
import type { ServerCertificates } from '#server/certificates/certificates.ts';
import { type RestApplication, restPrefix } from '#server/http/rest/index.ts';

/** The authority to trust, public so that a machine can fetch it before it trusts anything. */
export function addTrustRoutes(application: RestApplication, certificates: ServerCertificates) {
  function authority(): AuthorityInformation {
    const certificate = certificates.authority();
    const fingerprint = certificates.authorityFingerprint();
    if (certificate === undefined || fingerprint === undefined) {
      throw new Refusal(
        'not-found',
        'This server uses a certificate that its administrator brought: trust the authority that issued it.',
      );
    }
    return { certificate, fingerprint, public_key_pin: certificates.publicKeyPin() };
  }

  application.get('/ca.crt', { schema: { summary: 'The authority as PEM' } }, (_request, reply) => {
    const { certificate } = authority();
    reply.type('application/x-pem-file').send(certificate);
  });

  application.get(
    `${restPrefix}/authority`,
    {
      schema: {
        summary: 'The authority with its fingerprint',
        response: { 200: AuthorityInformation },
      },
    },
    async () => authority(),
  );
}
