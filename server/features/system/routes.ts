import { Type } from 'typebox';
import { ApiVersion, apiVersion, Health, SystemInfo } from '#contract/system.ts';
import { type RestApplication, restPrefix } from '#server/http/rest/index.ts';

/** Whether one part of the server works. */
export interface ComponentHealth {
  readonly name: string;
  readonly status: 'healthy' | 'unhealthy';
}

export interface SystemRoutesOptions {
  /** Of the software. */
  readonly version: string;
  /** Where users reach the server: `https://registry.example.com`. */
  readonly publicUrl: string;
  readonly examine: () => Promise<readonly ComponentHealth[]>;
}

/** What clients ask before they do anything else. */
export function addSystemRoutes(application: RestApplication, options: SystemRoutesOptions) {
  const { version, publicUrl, examine } = options;
  const tags = ['system'];

  application.get(
    '/api/version',
    { schema: { tags, summary: 'The version of the API', response: { 200: ApiVersion } } },
    async () => ({ version: apiVersion }),
  );

  application.get(
    `${restPrefix}/ping`,
    {
      config: { withoutDatabase: true },
      schema: { tags, summary: 'Whether the server answers', response: { 200: Type.String() } },
    },
    async (_request, reply) => reply.type('text/plain').send('Pong'),
  );

  application.get(
    `${restPrefix}/health`,
    {
      config: { withoutDatabase: true },
      schema: { tags, summary: 'Whether all works', response: { 200: Health } },
    },
    async () => {
      const components = [...(await examine())];
      const isHealthy = components.every(({ status }) => status === 'healthy');
      return { status: isHealthy ? ('healthy' as const) : ('unhealthy' as const), components };
    },
  );

  application.get(
    `${restPrefix}/systeminfo`,
    {
      schema: {
        tags,
        summary: 'How people sign in, and where',
        response: { 200: SystemInfo },
      },
    },
    async (request) => {
      const open = {
        auth_mode: 'db_auth',
        primary_auth_mode: false,
        self_registration: false,
        banner_message: '',
        oidc_provider_name: '',
      };
      if (request.caller.principal.kind === 'anonymous') return open;
      return {
        ...open,
        berth_version: version,
        external_url: publicUrl,
        registry_url: new URL(publicUrl).host,
        project_creation_restriction: 'everyone',
        current_time: new Date().toISOString(),
      };
    },
  );
}
