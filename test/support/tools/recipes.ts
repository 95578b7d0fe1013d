import { join } from 'node:path';

export interface Binary {
  readonly package: string;
  /** Version variables set by the linker, since a build outside the project's tree knows none. */
  readonly stamps?: Readonly<Record<string, string>>;
}

/** Programs that are built together from one go.mod and go.sum. */
export interface Recipe<Name extends string = string> {
  readonly name: string;
  readonly folder: string;
  readonly binaries: Readonly<Record<Name, Binary>>;
}

const kubernetesStamps = {
  'k8s.io/component-base/version.gitVersion': 'v1.36.3',
  'k8s.io/component-base/version.gitMajor': '1',
  'k8s.io/component-base/version.gitMinor': '36',
};

const containerdStamps = { 'github.com/containerd/containerd/v2/version.Version': 'v2.4.2' };

/**
 * A program is raised in its recipe's folder, `GOFLAGS=-mod=mod go get -tool PACKAGE@VERSION`, and
 * its stamps here.
 */
export const recipes = {
  clients: recipe('clients', {
    helm4: {
      package: 'helm.sh/helm/v4/cmd/helm',
      stamps: { 'helm.sh/helm/v4/internal/version.version': 'v4.3.1' },
    },
    helm3: {
      package: 'helm.sh/helm/v3/cmd/helm',
      stamps: {
        'helm.sh/helm/v3/internal/version.version': 'v3.22.0',
        'helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor': '1',
        'helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor': '37',
        'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor': '1',
        'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor': '37',
      },
    },
    crane: {
      package: 'github.com/google/go-containerregistry/cmd/crane',
      stamps: {
        'github.com/google/go-containerregistry/cmd/crane/cmd.Version': '0.22.1',
        'github.com/google/go-containerregistry/pkg/v1/remote/transport.Version': '0.22.1',
      },
    },
    oras: { package: 'oras.land/oras/cmd/oras' },
    regctl: {
      package: 'github.com/regclient/regclient/cmd/regctl',
      stamps: { 'github.com/regclient/regclient/internal/version.vcsTag': 'v0.11.7' },
    },
    cosign: {
      package: 'github.com/sigstore/cosign/v3/cmd/cosign',
      stamps: { 'sigs.k8s.io/release-utils/version.gitVersion': 'v3.1.3' },
    },
    containerd: {
      package: 'github.com/containerd/containerd/v2/cmd/containerd',
      stamps: containerdStamps,
    },
    'containerd-shim-runc-v2': {
      package: 'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2',
      stamps: containerdStamps,
    },
    ctr: { package: 'github.com/containerd/containerd/v2/cmd/ctr', stamps: containerdStamps },
  }),

  conformance: recipe('conformance', {
    conformance: { package: 'github.com/opencontainers/distribution-spec/conformance' },
  }),

  kubernetes: recipe('kubernetes', {
    'kube-apiserver': kubernetes('kube-apiserver'),
    'kube-controller-manager': kubernetes('kube-controller-manager'),
    'kube-scheduler': kubernetes('kube-scheduler'),
    kubelet: kubernetes('kubelet'),
    'kube-proxy': kubernetes('kube-proxy'),
    kubectl: kubernetes('kubectl'),
  }),

  'helm-3.3': recipe('helm-3.3', {
    helm33: {
      package: 'helm.sh/helm/v3/cmd/helm',
      stamps: { 'helm.sh/helm/v3/internal/version.version': 'v3.3.1' },
    },
  }),

  distribution: recipe('distribution', {
    registry: {
      package: 'github.com/distribution/distribution/v3/cmd/registry',
      stamps: { 'github.com/distribution/distribution/v3/version.version': 'v3.1.2' },
    },
  }),

  coredns: recipe('coredns', { coredns: { package: 'github.com/coredns/coredns' } }),
} as const;

export type RecipeName = keyof typeof recipes;

export const recipeNames = Object.keys(recipes) as readonly RecipeName[];

export function isRecipeName(name: string): name is RecipeName {
  return Object.hasOwn(recipes, name);
}

function recipe<Name extends string>(
  name: string,
  binaries: Readonly<Record<Name, Binary>>,
): Recipe<Name> {
  return { name, folder: join(import.meta.dirname, name), binaries };
}

function kubernetes(command: string): Binary {
  return { package: `k8s.io/kubernetes/cmd/${command}`, stamps: kubernetesStamps };
}
