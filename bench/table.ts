import { barText, type Figure, type Row } from './measuring/figures.ts';

export interface Line {
  readonly row: Row;
  readonly figure: Figure;
  readonly details: string | undefined;
}

const heads = ['measured', 'value', 'ratio', 'bar', 'holds'] as const;

function cells({ row, figure }: Line): string[] {
  const against = row.against === null ? '' : `, against ${row.against}`;
  const value = figure.value === null ? 'did not run' : `${figure.value} ${row.unit}`;
  return [
    `${row.title}${against}`,
    value,
    figure.ratio === null ? '' : String(figure.ratio),
    row.bar === undefined ? '' : barText(row.bar),
    figure.holds === null ? '' : figure.holds ? 'yes' : 'NO',
  ];
}

/** For a terminal, with latencies and reasons below the table. */
export function tableOf(lines: readonly Line[]): string {
  const rows = [[...heads], ...lines.map(cells)];
  const widths = heads.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...table, '', ...lines.flatMap(notes), ''].join('\n');
}

function notes({ row, figure, details }: Line): string[] {
  const text = figure.reason ?? details;
  return text === undefined ? [] : [`${row.name}: ${text}`];
}

/** For docs/performance.md. */
export function markdownOf(lines: readonly Line[]): string {
  const rows = [[...heads], heads.map(() => '---'), ...lines.map(cells)];
  const table = rows.map((row) => `| ${row.join(' | ')} |`);
  const remarks = lines.flatMap(notes).map((note) => `- ${note}`);
  return [...table, '', ...remarks, ''].join('\n');
}
