import { reservedProject } from '#contract/names.ts';

/** Of the executable, and of the entry in the kubelet's configuration. */
export const providerName = 'berth-credential-provider';

/** The user name by which a registry knows that the password is a ServiceAccount token. */
export const workloadUsername = 'jwt';

const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';

/**
 * The kubelet's credential provider, for a shell with no other program: it hands the pod's
 * ServiceAccount token on as the password. Whatever it cannot read it answers with no credentials,
 * so that public images are pulled all the same. The images of the server's own project are public
 * and pulled without any, also by a node whose cluster the registry does not know (yet).
 * @param registry as image names begin: `host[:port]`
 */
export function providerScript(registry: string): string {
  return `${head}
registry='${registry}'

request=
while IFS= read -r line || [ -n "$line" ]; do
  request="$request$line"
  [ "\${#request}" -le 16384 ] || none
done

# The first value of a field, of a kind that JSON escapes nothing in.
field() {
  value=\${request#*\\"$1\\":}
  [ "$value" != "$request" ] || { value=; return; }
  value=\${value#"\${value%%[! ]*}"}
  case $value in
    \\"*) value=\${value#\\"}; value=\${value%%\\"*} ;;
    *) value= ;;
  esac
}

field image
case $value in
  "$registry/${reservedProject}/"*) none ;;
  "$registry/"*) ;;
  *) none ;;
esac

field serviceAccountToken
case $value in
  '' | *[!A-Za-z0-9_.-]*) none ;;
  ?*.?*.?*) ;;
  *) none ;;
esac

printf '{"apiVersion":"${apiVersion}","kind":"CredentialProviderResponse","cacheKeyType":"Registry","cacheDuration":"0s","auth":{"%s":{"username":"${workloadUsername}","password":"%s"}}}\\n' "$registry" "$value"
`;
}

/** For a node whose kubelet is still told to run the provider, although nothing is to be provided. */
export function inertProviderScript(): string {
  return `${head}
none
`;
}

const head = `#!/bin/sh
# Laid down by the agent of Berth: changes are overwritten.
LC_ALL=C

none() {
  printf '{"apiVersion":"${apiVersion}","kind":"CredentialProviderResponse","cacheKeyType":"Image","cacheDuration":"0s","auth":null}\\n'
  exit 0
}
`;
