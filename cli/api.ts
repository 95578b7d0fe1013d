import { createTransport, readAnswer, type TransportRequest } from '#oci/client/transport.ts';
import { RegistryFailure } from '#oci/client.ts';
import { ApiFailure, CommandFailure } from './failure.ts';
import type { NamedSession } from './sessions.ts';

/** Where and as whom requests are made. */
export interface ApiOptions {
  readonly server: string;
  readonly protocol: 'http' | 'https';
  /** PEM, trusted besides the system's own authorities. */
  readonly authority?: string | undefined;
  readonly credentials?: { readonly username: string; readonly password: string };
  /** What to do when the credentials do not hold any more. */
  readonly signInCure?: string;
}

export interface Created<Body> {
  readonly body: Body;
  /** The last part of Location. */
  readonly id: number;
  /** What the server says besides: a sentence. */
  readonly warning?: string;
}

/**
 * The REST interface of a server. Paths begin after `/api/v2.0`; an answer has the shape that the
 * caller names. Every method throws `ApiFailure` when the server refuses, `CommandFailure` when it
 * cannot be reached.
 */
export interface Api {
  readonly server: string;
  get<Body>(path: string): Promise<Body>;
  /** Every page of a list. */
  list<Item>(path: string, query?: Readonly<Record<string, string>>): Promise<Item[]>;
  post<Body>(path: string, body: unknown): Promise<Created<Body>>;
  put(path: string, body: unknown): Promise<void>;
  patch<Body>(path: string, body: unknown): Promise<Body>;
  delete<Body>(path: string): Promise<Body>;
  /** What is no JSON, by the authorization that is given. Its path is a whole one. */
  postForText(path: string, authorization: string, body: string): Promise<string>;
  close(): void;
}

/** Longer than the server takes its time for, as for a cluster that is cleaned up. */
const idleTimeout = 60_000;
const maximumAnswerBytes = 16 * 1024 * 1024;
const pageSize = 100;
const maximumPages = 1000;

export function apiOf(session: NamedSession): Api {
  const { server, protocol, authority, username, secret } = session;
  return createApi({
    server,
    protocol,
    authority,
    credentials: { username, password: secret },
    signInCure: `Sign in with berth login ${server}.`,
  });
}

export function createApi(options: ApiOptions): Api {
  const { server, protocol, authority, credentials, signInCure } = options;
  const transport = createTransport({
    idleTimeout,
    ...(authority !== undefined && { certificateAuthorities: authority }),
  });
  const authorization =
    credentials === undefined
      ? undefined
      : `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;

  async function send(method: TransportRequest['method'], path: string, body?: unknown) {
    const content = body === undefined ? undefined : JSON.stringify(body);
    const { headers, text } = await exchange(method, `/api/v2.0${path}`, authorization, content);
    return { headers, body: text === '' ? undefined : parseBody(text, server) };
  }

  async function exchange(
    method: TransportRequest['method'],
    path: string,
    authorizedBy: string | undefined,
    body: string | undefined,
  ) {
    const url = new URL(path, `${protocol}://${server}`);
    const content = body === undefined ? undefined : Buffer.from(body);
    try {
      const answer = await transport.send({
        method,
        url,
        headers: {
          accept: 'application/json',
          'x-is-resource-name': 'true',
          ...(authorizedBy !== undefined && { authorization: authorizedBy }),
          ...(content !== undefined && { 'content-type': 'application/json' }),
        },
        ...(content !== undefined && { body: content }),
      });
      const text = (await readAnswer(answer, server, maximumAnswerBytes)).toString('utf8');
      if (answer.statusCode >= 200 && answer.statusCode < 300) {
        return { headers: answer.headers, text };
      }
      const refusal = refusalOf(answer.statusCode, text, server);
      const cure = answer.statusCode === 401 && signInCure !== undefined ? ` ${signInCure}` : '';
      throw new ApiFailure(answer.statusCode, `${refusal}${cure}`);
    } catch (error) {
      throw error instanceof RegistryFailure ? unreachable(error, server) : error;
    }
  }

  return {
    server,
    async get<Body>(path: string) {
      return (await send('GET', path)).body as Body;
    },
    async list<Item>(path: string, query: Readonly<Record<string, string>> = {}) {
      const items: Item[] = [];
      for (let page = 1; page <= maximumPages; page++) {
        const parameters = new URLSearchParams({
          ...query,
          page: String(page),
          page_size: String(pageSize),
        });
        const { body, headers } = await send('GET', `${path}?${parameters}`);
        const batch = body as Item[];
        items.push(...batch);
        const total = Number(headers['x-total-count'] ?? items.length);
        if (batch.length === 0 || items.length >= total) break;
      }
      return items;
    },
    async post<Body>(path: string, content: unknown) {
      const { body, headers } = await send('POST', path, content);
      const [, warning] = /^299 - "([^"]{1,512})"$/.exec(String(headers.warning)) ?? [];
      return {
        body: body as Body,
        id: Number(headers.location?.split('/').at(-1)),
        ...(warning !== undefined && { warning }),
      };
    },
    async put(path, content) {
      await send('PUT', path, content);
    },
    async patch<Body>(path: string, content: unknown) {
      return (await send('PATCH', path, content)).body as Body;
    },
    async delete<Body>(path: string) {
      return (await send('DELETE', path)).body as Body;
    },
    async postForText(path, given, body) {
      return (await exchange('POST', path, given, body)).text;
    },
    close: () => transport.close(),
  };
}

function parseBody(text: string, server: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandFailure(
      `${server} did not answer in JSON: check that it is a Berth server and that no proxy answers in its place.`,
    );
  }
}

/** The server's own sentence, where it gave one. */
function refusalOf(status: number, text: string, server: string): string {
  try {
    const message: unknown = JSON.parse(text).errors[0].message;
    if (typeof message === 'string' && message !== '') {
      return /[.!?]$/.test(message) ? message : `${message}.`;
    }
  } catch {
    // Said below.
  }
  return `${server} answered with the status ${status} and no reason.`;
}

const look = (server: string) => ` See that the server runs, and that ${server} is its name.`;

const cures: { readonly [Reason in RegistryFailure['reason']]?: (server: string) => string } = {
  'certificate-untrusted': (server) =>
    ` Run berth login ${server} to see and accept its authority, or give it with --ca-file.`,
  'certificate-name': () =>
    ' Use a name that it has, or add this one to BERTH_NAMES on the server.',
  'host-unknown': look,
  'connection-refused': look,
  'connection-lost': look,
  timeout: look,
};

function unreachable(error: RegistryFailure, server: string): CommandFailure {
  const cure = cures[error.reason]?.(server) ?? '';
  return new CommandFailure(`${error.message}${cure}`, { cause: error });
}
