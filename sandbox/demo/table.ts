/** Lines with their columns one below the other. @param rows of equal length, the head first */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const wide = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(wide(column)))
      .join('  ')
      .trimEnd(),
  );
}
