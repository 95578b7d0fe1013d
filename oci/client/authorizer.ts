import { type Challenge, parseChallenges } from '../challenge.ts';
import { isJsonObject } from '../json.ts';
import { RegistryFailure } from './errors.ts';
import { failureOf } from './refusal.ts';
import { type Answer, discardAnswer, readAnswer, type Transport } from './transport.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Answers a registry's challenges: Basic, or a token of its realm for the scopes asked for. */
export interface Authorizer {
  /** The Authorization header as far as it is known before asking; undefined: none yet. */
  header(scopes: readonly string[]): string | undefined;
  /**
   * The header that answers a 401, whose body it discards.
   * @throws {RegistryFailure} when the challenge cannot be met
   */
  answer(refusal: Answer, scopes: readonly string[]): Promise<string>;
}

interface Token {
  readonly header: string;
  /** Milliseconds of the clock. */
  readonly usableUntil: number;
}

const maximumTokenBytes = 262_144;
const maximumTokens = 1000;
/** Distribution token specification: what `expires_in` is when it is left out. */
const defaultLifetimeSeconds = 60;
const marginSeconds = 10;

export function createAuthorizer(
  transport: Transport,
  registry: URL,
  credentials: Credentials | undefined,
): Authorizer {
  const tokens = new Map<string, Token>();
  const basic = credentials === undefined ? undefined : basicHeader(credentials);
  let registryTakesBasic = false;

  async function fetchToken(challenge: Challenge, scopes: readonly string[]): Promise<Token> {
    const url = tokenUrl(challenge, scopes, registry);
    const answer = await transport.send({
      method: 'GET',
      url,
      headers: basic === undefined ? {} : { authorization: basic },
    });
    if (answer.statusCode !== 200) throw await failureOf(answer, url.host);
    return readToken(await readAnswer(answer, url.host, maximumTokenBytes), url.host);
  }

  return {
    header(scopes) {
      if (registryTakesBasic) return basic;
      const token = tokens.get(keyOf(scopes));
      return token !== undefined && token.usableUntil > Date.now() ? token.header : undefined;
    },
    async answer(refusal, scopes) {
      const challenges = parseChallenges(refusal.headers['www-authenticate'] ?? '');
      const bearer = challenges.find((challenge) => challenge.scheme === 'bearer');
      if (bearer !== undefined) {
        await discardAnswer(refusal, registry.host);
        const token = await fetchToken(bearer, scopes);
        if (tokens.size >= maximumTokens) tokens.clear();
        tokens.set(keyOf(scopes), token);
        return token.header;
      }
      const takesBasic = challenges.some((challenge) => challenge.scheme === 'basic');
      if (!takesBasic || basic === undefined) throw await failureOf(refusal, registry.host);
      await discardAnswer(refusal, registry.host);
      registryTakesBasic = true;
      return basic;
    },
  };
}

function basicHeader({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function keyOf(scopes: readonly string[]): string {
  return [...scopes].sort().join(' ');
}

function tokenUrl(challenge: Challenge, scopes: readonly string[], registry: URL): URL {
  const realm = challenge.parameters.get('realm') ?? '';
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  const acceptable =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && registry.protocol === 'http:');
  if (url === undefined || !acceptable) {
    throw new RegistryFailure(
      'answer-invalid',
      `${registry.host} asks for a token but names no https address to get it from.`,
    );
  }
  const service = challenge.parameters.get('service');
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  return url;
}

function readToken(bytes: Buffer, host: string): Token {
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString());
  } catch {
    body = undefined;
  }
  const fields = isJsonObject(body) ? body : {};
  const token = fields.token ?? fields.access_token;
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw new RegistryFailure(
      'answer-invalid',
      `${host} answered a token request without a token.`,
    );
  }
  const { expires_in: lifetime } = fields;
  const seconds = typeof lifetime === 'number' ? lifetime : defaultLifetimeSeconds;
  return {
    header: `Bearer ${token}`,
    usableUntil: Date.now() + (seconds - marginSeconds) * 1000,
  };
}
