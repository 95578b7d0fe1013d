/** More about an artifact than its own fields tell: a README, values, how it was built. */
export interface Addition {
  readonly contentType: string;
  readonly body: string;
}

/** Where artifacts of one type get their additions from. */
export interface AdditionSource {
  /** As artifacts tell it: `CHART`. */
  readonly artifactType: string;
  /** As paths name them: `values.yaml`. */
  readonly names: readonly string[];
  /** Undefined when the artifact has none of that name, or has not been read yet. */
  read(manifestId: number, name: string): Promise<Addition | undefined>;
}
