import { openingSuite } from './opening-suite.ts';
import { openedIn, type Place } from './places.ts';
import { readsSuite } from './reads-suite.ts';
import { rememberedSuite } from './remembered-suite.ts';
import { sharedSecretsSuite } from './shared-secrets-suite.ts';
import { tablesSuite } from './tables-suite.ts';
import { writesSuite } from './writes-suite.ts';

/** The promises of `Database`, for every implementation. `makePlace` is asked once a test. */
export function databaseSuite(name: string, makePlace: () => Promise<Place>): void {
  const opened = openedIn(makePlace);
  writesSuite(name, opened);
  readsSuite(name, opened);
  rememberedSuite(name, opened);
  tablesSuite(name, opened);
  openingSuite(name, makePlace);
  sharedSecretsSuite(name, opened);
}
