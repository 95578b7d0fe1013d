/**
 * A request to the registry that needs (another) token. It is a 401 whose challenge names the scope
 * to ask for.
 */
export class Unauthorized extends Error {
  /** `repository:team/app:pull`, space-joined. */
  readonly scope: string | undefined;
  /**
   * What the challenge says: `insufficient_scope` makes clients ask for the scope, a sentence makes
   * them show it to the user. Absent where no credentials were sent.
   */
  readonly challengeError: string | undefined;

  constructor(message: string, options: { scope?: string; challengeError?: string } = {}) {
    super(message);
    this.name = 'Unauthorized';
    this.scope = options.scope;
    this.challengeError = options.challengeError;
  }
}
