/** The lines around a place in a source, with a mark below it. */

/** @param line from 1 @param column from 1; absent = the line is all that is known */
export function codeFrame(source: string, line: number, column?: number): string {
  const lines = source.split(/\r?\n/);
  const first = Math.max(1, line - 2);
  const last = Math.min(lines.length, line + 1);
  const width = String(last).length;
  const frame: string[] = [];
  for (let number = first; number <= last; number++) {
    const text = lines[number - 1]!.slice(0, MAX_COLUMNS);
    frame.push(`  ${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${text}`.trimEnd());
    if (number === line && column !== undefined && column <= MAX_COLUMNS) frame.push(`    ${' '.repeat(width)} | ${' '.repeat(Math.max(0, column - 1))}^`);
  }
  return frame.join('\n');
}

/** A minified file is one line. */
const MAX_COLUMNS = 160;
