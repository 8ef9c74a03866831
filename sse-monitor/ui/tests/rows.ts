/** As they are seen, from top to bottom: in the document they stand in any order. */
export function rows(): HTMLElement[] {
  const topOf = (row: HTMLElement) =>
    parseFloat(row.style.top) + parseFloat((row.closest(".sheet") as HTMLElement).style.top);
  const all = [...document.querySelectorAll<HTMLElement>(".seen [data-number]")];
  return all.sort((a, b) => topOf(a) - topOf(b));
}
