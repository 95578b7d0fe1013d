import type { Compilable } from 'kysely';
import type { Placeholder, Reader } from './database.ts';

class Marker {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }
}

const placeholder: Placeholder = <T>(index: number) => new Marker(index) as T;

/** SQL, and how its parameters follow from a call's arguments. */
export interface PreparedStatement {
  readonly sql: string;
  parameters(callArguments: readonly unknown[]): readonly unknown[];
}

export function compilePrepared<Row>(
  read: Reader,
  build: (read: Reader, placeholder: Placeholder) => Compilable<Row>,
): PreparedStatement {
  const { sql, parameters } = build(read, placeholder).compile();
  const asCalled = parameters.every(
    (parameter, position) => parameter instanceof Marker && parameter.index === position,
  );
  return {
    sql,
    parameters: asCalled
      ? (callArguments) => callArguments
      : (callArguments) =>
          parameters.map((parameter) =>
            parameter instanceof Marker ? callArguments[parameter.index] : parameter,
          ),
  };
}
