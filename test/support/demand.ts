/** For what is checked a hundred thousand times: `expect` takes longer than most of what it looks at. */
export function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(`it is not true that ${what}`);
}
