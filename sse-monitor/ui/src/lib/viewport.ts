/**
 * Where rows lie in a list that draws only what is seen. Positions ("tops") are pixels from the first
 * kept row; scroll positions are what the scroll bar says. They are the same until the list grows
 * higher than an element can be; from there the scroll bar is a scaled picture of the list.
 */

import { LARGEST } from "./zoom";

export const ROW_HEIGHT = 26;

/** How wide a character of the data is: six tenths of its font's 12 px. */
const CHARACTER = 7.2;

/** The columns before that of the data, in pixels, and what lies between two and at both ends. */
const WIDE = { kind: 14, time: 88, type: 124, id: 128 };
const GAP = 12;

/** Narrower than this, a list goes without its column of IDs: the data is what one looks at. */
const NARROW_BELOW = 520;
const NARROW = { ...WIDE, type: 96, id: 0 };

/** How a list so wide is divided, and how many characters of plain data have room in it. */
export function columns(width: number): { narrow: boolean; before: typeof WIDE; room: number } {
  const narrow = width > 0 && width < NARROW_BELOW;
  const before = narrow ? NARROW : WIDE;
  const seen = Object.values(before).filter((column) => column > 0);
  const taken = seen.reduce((sum, column) => sum + column + GAP, 2 * GAP);
  // Before the first layout nothing is known.
  const room = width === 0 ? NARROW_BELOW : Math.floor((width - taken) / CHARACTER);
  return { narrow, before, room: Math.max(room, 8) };
}

/** Rows drawn above and below what is seen, so that a scroll finds some already there. */
export const OVERSCAN = 12;

/** Rows seen beyond the selected one, so that the keys show what comes next. */
export const ROWS_AHEAD = 2;

/** WebKit ends at 33,554,428 px, as they are drawn. */
export const MAX_HEIGHT = 30_000_000 / LARGEST;

export function spacerHeight(total: number): number {
  return Math.min(total * ROW_HEIGHT, MAX_HEIGHT);
}

/** Whether the scroll bar is a smaller picture of the list. */
export function isScaled(total: number): boolean {
  return total * ROW_HEIGHT > MAX_HEIGHT;
}

/** The top at which the newest row ends at the lower edge. */
export function lastTop(total: number, height: number): number {
  return Math.max(0, total * ROW_HEIGHT - height);
}

/** Rows of the list below what is seen. */
export function rowsBelow(top: number, total: number, height: number): number {
  return Math.max(0, Math.floor((lastTop(total, height) - top) / ROW_HEIGHT));
}

export function scrollOfTop(top: number, total: number, height: number): number {
  return top / scale(total, height);
}

export function topOfScroll(scroll: number, total: number, height: number): number {
  return Math.min(scroll * scale(total, height), lastTop(total, height));
}

/** The top nearest to `top` at which the row at `index` is seen whole, and `ahead` rows around it. */
export function reveal(index: number, ahead: number, top: number, height: number): number {
  const upper = (index - ahead) * ROW_HEIGHT;
  if (upper < top) return Math.max(upper, 0);
  return Math.max(top, (index + 1 + ahead) * ROW_HEIGHT - height);
}

/** How many rows are seen at a height, in part at least. */
export function rowsSeen(height: number): number {
  return Math.ceil(height / ROW_HEIGHT) + 1;
}

function scale(total: number, height: number): number {
  const range = spacerHeight(total) - height;
  return range > 0 ? lastTop(total, height) / range : 1;
}

/** Beyond the upper edge of any screen. */
const ASIDE = -20_000;

/** How far a sheet is moved so that none of its rows, the first at `begin`, is seen, wherever it has its origin. */
export function shiftAside(begin: number, origin: number): number {
  return ASIDE - (begin - origin) * ROW_HEIGHT;
}
