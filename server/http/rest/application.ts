import type { IncomingMessage } from 'node:http';
import formbody from '@fastify/formbody';
import swagger from '@fastify/swagger';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import type { MaybePromise } from '#lib/maybe-promise.ts';
import type { Authenticate, LoadGrants } from '../access.ts';
import { requestId } from '../request-id.ts';
import { identifyCallers } from './access.ts';
import { createErrorHandler, type ReportFailure } from './errors.ts';
import { refuseNullCharacters } from './null-characters.ts';
import { RestExchange } from './rest-exchange.ts';
import { answerUnknownRoutes } from './unknown-routes.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route answers whether or not the database does. */
    withoutDatabase?: boolean;
  }
}

/** Where the routes of features live. */
export const restPrefix = '/api/v2.0';

const maximumBodyBytes = 1024 * 1024;
/** A repository's name, percent-encoded twice. */
const maximumParameterLength = 2_048;

/** What features add their routes to. */
export type RestApplication = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface RestOptions {
  /** Makes what is remembered of the database at least as new as the request. */
  readonly refresh: () => MaybePromise<void>;
  readonly authenticate: Authenticate;
  readonly loadGrants: LoadGrants;
  /** Hears of every answer 500. */
  readonly reportFailure: ReportFailure;
  /** Of the software, for the OpenAPI document. */
  readonly version: string;
  /** The client's address behind trusted proxies; that of the connection by default. */
  readonly clientAddress?: (request: IncomingMessage) => string;
  /** Hears of every request as it begins. */
  readonly onRequest?: (exchange: RestExchange) => void;
}

/** The REST side of the server: routes, their OpenAPI document, one shape for every error. */
export async function createRestApplication(options: RestOptions): Promise<RestApplication> {
  const handleError = createErrorHandler(options.reportFailure);
  const application = fastify({
    bodyLimit: maximumBodyBytes,
    genReqId: (request) => requestId(request.headers['x-request-id']),
    // Of requests that reach no hook, such as those whose path is no URL.
    frameworkErrors: (error, request, reply) => {
      options.onRequest?.(new RestExchange(request, reply));
      handleError(error, request, reply);
    },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: maximumParameterLength },
  })
    .withTypeProvider<TypeBoxTypeProvider>()
    .setValidatorCompiler(TypeBoxValidatorCompiler);
  application.setErrorHandler(handleError);
  answerUnknownRoutes(application);
  application.addHook('onRequest', async (request, reply) => {
    options.onRequest?.(new RestExchange(request, reply));
    reply.header('x-request-id', request.id);
  });
  application.addHook('onRequest', async ({ routeOptions: { config } }) => {
    if (!config.withoutDatabase) await options.refresh();
  });
  identifyCallers(application, {
    authenticate: options.authenticate,
    loadGrants: options.loadGrants,
    clientAddress: ({ raw }) =>
      options.clientAddress?.(raw) ?? raw.socket.remoteAddress ?? 'unknown',
  });
  refuseNullCharacters(application);
  acceptEmptyJson(application);
  await application.register(formbody, { bodyLimit: maximumBodyBytes });
  await application.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Berth', version: options.version },
      components: { securitySchemes: { basic: { type: 'http', scheme: 'basic' } } },
      security: [{ basic: [] }],
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema.$id === 'string' ? schema.$id : `schema-${index}`,
    },
  });
  application.get('/api/openapi.json', { schema: { hide: true } }, async () =>
    application.swagger(),
  );
  return application;
}

/** Clients name the media type of a body that they do not send. */
function acceptEmptyJson(application: RestApplication) {
  const parse = application.getDefaultJsonParser('error', 'error');
  application.removeContentTypeParser('application/json');
  application.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    (request, body, done) => {
      if (body.trim() === '') done(null);
      else parse(request, body, done);
    },
  );
}
