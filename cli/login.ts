import type { Command } from 'commander';
import type { AccessToken } from '#contract/tokens.ts';
import type { User } from '#contract/users.ts';
import { RegistryFailure } from '#oci/client.ts';
import { type Api, type ApiOptions, apiOf, createApi } from './api.ts';
import { addCommand, answers } from './command.ts';
import type { Environment } from './environment.ts';
import { ApiFailure, CommandFailure, UsageFailure } from './failure.ts';
import { parseServerAddress } from './server-address.ts';
import { forgetSession, type NamedSession, saveSession, storedSession } from './sessions.ts';
import { ask, confirm, hasTerminal, readPassword } from './terminal.ts';
import { createToken, tokensPath } from './token.ts';
import { fetchAuthority, readAuthority } from './trust/authority.ts';

interface LoginOptions {
  readonly username?: string;
  readonly passwordStdin?: boolean;
  readonly caFile?: string;
  readonly fingerprint?: string;
}

export function addLoginCommands(program: Command, environment: Environment) {
  const login = addCommand(program, 'login <host>', {
    summary: 'Sign in to a server',
    description:
      'An access token of this machine is made and kept in ~/.config/berth/config.json; the password is not kept.\nScripts set BERTH_SERVER=HOST and BERTH_TOKEN=NAME:TOKEN instead.',
    examples: [
      'berth login registry.example.com',
      'echo "$PASSWORD" | berth login registry.example.com --username admin --password-stdin --ca-file ca.crt',
    ],
  })
    .option('-u, --username <name>', 'user, or robot by its full name')
    .option('--password-stdin', 'read the password, or a token, from standard input')
    .option('--ca-file <file>', "PEM file of the server's authority")
    .option(
      '--fingerprint <sha256>',
      "accept the server's own authority if it has this fingerprint",
    );
  answers(login, (options: LoginOptions, host: string) => signIn(environment, options, host));

  const logout = addCommand(program, 'logout [host]', {
    summary: 'Sign out, and delete the token of this machine',
    examples: ['berth logout', 'berth logout registry.example.com'],
  });
  answers(logout, (_options, host: string | undefined) => signOut(environment, host));
}

async function signIn(environment: Environment, options: LoginOptions, host: string) {
  const { name: server, protocol } = parseServerAddress(host);
  const authority =
    protocol === 'http' ? undefined : await chooseAuthority(environment, server, options);
  const connection = { server, protocol, authority };
  if (options.username === undefined && !hasTerminal()) {
    throw new UsageFailure(
      'There is no terminal to ask for the user name on: give it with --username.',
    );
  }
  const username = options.username ?? (await ask('User name: '));
  const password = await readPassword(options.passwordStdin === true, `Password of ${username}: `);
  const earlier = await storedSession(environment, server);
  const session = await makeSession(connection, { username, password }, environment, earlier);
  await saveSession(environment, session);
  return {
    json: { server, username: session.username },
    text: `Signed in to ${server} as ${session.username}.`,
  };
}

/** The authority to trust `server` by; undefined where the system's own ones will do. */
async function chooseAuthority(
  environment: Environment,
  server: string,
  { caFile, fingerprint }: LoginOptions,
): Promise<string | undefined> {
  const fingerprints = fingerprint === undefined ? undefined : [fingerprint];
  if (caFile !== undefined) return (await readAuthority(caFile, fingerprints)).certificate;
  if (fingerprint !== undefined) return (await fetchAuthority(server, fingerprints)).certificate;
  const known = (await storedSession(environment, server))?.authority;
  if (await isTrusted({ server, protocol: 'https', authority: known })) return known;
  const found = await fetchAuthority(server);
  if (!hasTerminal()) {
    throw new CommandFailure(
      `The certificate of ${server} comes from an authority that is not trusted here. Compare its fingerprint ${found.fingerprint} with the one that the server printed when it started, then give it with --fingerprint.`,
    );
  }
  process.stderr.write(
    `The certificate of ${server} comes from its own authority, with the fingerprint\n  ${found.fingerprint}\n`,
  );
  if (await confirm('Is it the one that the server printed when it started?')) {
    return found.certificate;
  }
  throw new CommandFailure('Not signed in: the authority was not accepted.');
}

async function isTrusted(options: ApiOptions): Promise<boolean> {
  const api = createApi(options);
  try {
    await api.get('/authority');
    return true;
  } catch (error) {
    if (error instanceof ApiFailure) return true;
    const cause = error instanceof Error ? error.cause : undefined;
    if (cause instanceof RegistryFailure && cause.reason === 'certificate-untrusted') return false;
    throw error;
  } finally {
    api.close();
  }
}

async function makeSession(
  connection: Pick<NamedSession, 'server' | 'protocol'> & { authority: string | undefined },
  credentials: { readonly username: string; readonly password: string },
  { hostname }: Environment,
  earlier: NamedSession | undefined,
): Promise<NamedSession> {
  const { username, password } = credentials;
  const { authority, ...place } = connection;
  const api = createApi({ ...connection, credentials });
  const kept = { ...place, username, ...(authority !== undefined && { authority }) };
  try {
    if (/^berth_(?:robot|pat)_/.test(password)) {
      await api.list('/projects');
      return { ...kept, secret: password };
    }
    const user = await api.get<User>('/users/current');
    await deleteTokenOf(api, earlier);
    const body = await createToken(api, tokenNameOf(hostname));
    return { ...kept, username: user.username, secret: body.secret, tokenId: body.id };
  } finally {
    api.close();
  }
}

/** A session that is replaced takes its token with it. */
async function deleteTokenOf(api: Api, earlier: NamedSession | undefined) {
  const tokens = await api.get<AccessToken[]>(tokensPath);
  const replaced = tokens.find(({ id }) => id === earlier?.tokenId);
  if (replaced !== undefined) await api.delete(`${tokensPath}/${replaced.id}`);
}

function tokenNameOf(hostname: string): string {
  const fit = hostname.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-|-$/g, '');
  return `berth on ${fit === '' ? 'a machine' : fit.slice(0, 200)}`;
}

async function signOut(environment: Environment, host: string | undefined) {
  const name = host === undefined ? undefined : parseServerAddress(host).name;
  const session = await storedSession(environment, name);
  if (session === undefined) {
    throw new CommandFailure(
      name === undefined ? 'You are not signed in anywhere.' : `You are not signed in to ${name}.`,
    );
  }
  const left = await deleteToken(session);
  await forgetSession(environment, session.server);
  return {
    json: { server: session.server, token_deleted: left === undefined },
    text: `Signed out of ${session.server}.${left === undefined ? '' : ` ${left}`}`,
  };
}

/** A sentence where the token could not be deleted: signing out goes on. */
async function deleteToken(session: NamedSession): Promise<string | undefined> {
  if (session.tokenId === undefined) return undefined;
  const api = apiOf(session);
  try {
    await api.delete(`${tokensPath}/${session.tokenId}`);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `The token of this machine could not be deleted there: ${reason}`;
  } finally {
    api.close();
  }
}
