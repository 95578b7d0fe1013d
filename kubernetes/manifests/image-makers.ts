/*
 * The pods on nodes are root there, so what they run must not be anybody's choice. Whoever may run a
 * pod brings images of any name in any registry of theirs to nodes: what counts are names under
 * which only the makers of Kubernetes, of its distributions and of base systems can publish.
 */

/** Amazon publishes what its nodes run from these accounts, one or several regions each. */
const amazonAccounts = [
  '602401143452',
  '013241004608',
  '066635153087',
  '121268973566',
  '151610086707',
  '151742754352',
  '296578399912',
  '333609536671',
  '455263428931',
  '491585149902',
  '533267051163',
  '558608220178',
  '590381155156',
  '759879836304',
  '761377655185',
  '800184023465',
  '877085696533',
  '900612956339',
  '900889452093',
  '918309763551',
  '961992271922',
];

const makers = [
  'registry[.]k8s[.]io/',
  'k8s[.]gcr[.]io/',
  'gke[.]gcr[.]io/',
  'gcr[.]io/(gke-release|google[-_]containers)/',
  'mcr[.]microsoft[.]com/',
  `(${amazonAccounts.join('|')})[.]dkr[.]ecr[.][a-z0-9-]+[.]amazonaws[.]com([.]cn)?/eks/`,
  'public[.]ecr[.]aws/eks-distro/',
  // As Amazon's images of machines bring it along, where nobody pulls it from.
  'localhost/kubernetes/',
  'quay[.]io/(openshift-release-dev|k0sproject|cilium)/',
  'ghcr[.]io/flannel-io/',
  'projects[.]registry[.]vmware[.]com/tkg/',
  'registry([.][a-z0-9-]+)?[.]aliyuncs[.]com/google_containers/',
  'registry(-vpc)?[.][a-z0-9-]+[.]aliyuncs[.]com/acs/',
  '((index[.])?docker[.]io/)?(rancher|flannel|cilium)/',
  '((index[.])?docker[.]io/)?library/',
  '(busybox|alpine|debian|ubuntu|bash)[:@]',
];

/** Also for Helm, whose expressions are RE2. */
export const madeByMakers = `^(${makers.join('|')})`;

const expression = new RegExp(madeByMakers);

/** Whether only one of those makers can have published an image under this name. */
export function isByMaker(name: string): boolean {
  return expression.test(name);
}
