export { authorize, grantsOf, requireUser } from './access.ts';
export { createRestApplication, type RestApplication, restPrefix } from './application.ts';
export type { Failure, ReportFailure } from './errors.ts';
export { parseFilter, type Term } from './filter.ts';
export { describePage, type Page, pageOf } from './paging.ts';
export { decodeAgain, repositoryParameter } from './path-parameters.ts';
export { parseSort, type SortKey } from './sort.ts';
export { booleanOf, contains, integerMatches, textMatches } from './terms.ts';
