/** What a command has to say when it is done. */
export interface Output {
  /** For `--json`: everything that the text says, and what scripts need besides. */
  readonly json: unknown;
  readonly table?: Table;
  /** For people; lines. Secrets among them are printed plainly. */
  readonly text?: string;
  /** Hints for people, which are not part of the answer: they go to standard error. */
  readonly hint?: string;
  /** True: what was looked at is not in order, as the answer says. Exit code 1. */
  readonly failed?: boolean;
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What is said instead of a table without rows. */
  readonly empty: string;
  /** True: the last column holds sentences, which stand below their row where there is no room. */
  readonly prose?: boolean;
}

/** Prints an answer: JSON if asked for, aligned for a terminal, tabs between fields for a pipe. */
export function show(output: Output, asJson: boolean) {
  if (asJson) {
    process.stdout.write(`${JSON.stringify(output.json, null, 2)}\n`);
    return;
  }
  const { table, text, hint } = output;
  if (table !== undefined) {
    if (process.stdout.isTTY) process.stdout.write(aligned(table, terminalWidth()));
    else process.stdout.write(table.rows.map((row) => `${row.map(plain).join('\t')}\n`).join(''));
  }
  if (text !== undefined && text !== '') process.stdout.write(`${text.trimEnd()}\n`);
  if (hint !== undefined && process.stderr.isTTY) process.stderr.write(`${hint.trimEnd()}\n`);
}

export function aligned(table: Table, width = Number.POSITIVE_INFINITY): string {
  const { columns, rows, empty, prose = false } = table;
  if (rows.length === 0) return `${empty}\n`;
  const cells = rows.map((row) => row.map(plain));
  const whole = alignedLines([columns.map((column) => column.toUpperCase()), ...cells]);
  if (!prose || whole.every((line) => line.length <= width)) return linesText(whole);
  const [head = '', ...short] = alignedLines(
    [columns.map((column) => column.toUpperCase()), ...cells].map((row) => row.slice(0, -1)),
  );
  // Whole: commands in it are to be copied.
  const below = (text = '') => (text === '' ? [] : [`  ${text}`]);
  return linesText([
    head,
    ...short.flatMap((line, index) => [line, ...below(cells[index]?.at(-1))]),
  ]);
}

function alignedLines(cells: readonly (readonly string[])[]): string[] {
  const widths = (cells[0] ?? []).map((_, index) =>
    Math.max(...cells.map((row) => row[index]?.length ?? 0)),
  );
  return cells.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function linesText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/** Characters in a line of the terminal; without end where there is none, or it does not say. */
export function terminalWidth(stream: NodeJS.WriteStream = process.stdout): number {
  return (stream.isTTY && stream.columns) || Number.POSITIVE_INFINITY;
}

/** Lines of at most `width` characters, broken between words; none for an empty text. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return text === '' ? [] : lines;
}

/** One line without control characters: what a server sends is shown, never obeyed. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

/** `2026-03-01 12:00` in UTC, or what stands for no time. */
export function timeText(time: string | null | undefined, none: string): string {
  return time === null || time === undefined ? none : time.slice(0, 16).replace('T', ' ');
}
