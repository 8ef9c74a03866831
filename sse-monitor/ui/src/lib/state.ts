import { oneLine } from "./format";
import type { Failure, Saving, Snapshot } from "./wire";

/** How the watch stands, in words. */
export interface Told {
  /** Which colour it has. */
  tone: "quiet" | "busy" | "good" | "warning" | "bad";
  headline: string;
  /** A count-down that belongs to the headline; apart, since it changes by the second. */
  countdown: string;
  sentence: string;
}

export function tell(snapshot: Snapshot, nowMillis: number): Told {
  const { state, totals, lastEventId, firstRow, nextRow } = snapshot;
  switch (state.name) {
    case "idle":
      return told("quiet", "Not connected", "");
    case "connecting":
      return told(
        "busy",
        "Connecting",
        state.attempt > 1
          ? `Attempt ${state.attempt}${lastEventId ? `, asking for what followed event ${oneLine(lastEventId)}` : ""}.`
          : "Waiting for the server's answer.",
      );
    case "open":
      // Of events that were cleared it would not be the first.
      return told("good", "Open", totals.events === 0 && firstRow === 1 ? "Waiting for the first event." : "");
    case "waiting": {
      const seconds = Math.ceil((state.retryAtUnixMicros / 1000 - nowMillis) / 1000);
      return {
        ...told("warning", "Reconnecting", because(state.failure.sentence)),
        countdown: countdown(seconds),
      };
    }
    case "closed":
      // Once it is cleared the list says what there is to say.
      if (nextRow > 1 && firstRow === nextRow) return told("quiet", "Disconnected", "");
      return told(
        "quiet",
        "Disconnected",
        lastEventId === ""
          ? "What arrived stays here."
          : "What arrived stays here; connecting again goes on after it.",
      );
    case "failed":
      // An end that the server announced is no failure.
      if (state.failure.fault === "ended") {
        return told("quiet", "Ended", because(state.failure.sentence));
      }
      return told("bad", "Failed", because(state.failure.sentence) + wayRound(state.failure));
  }
}

/** What becomes of a recording whose window was asked to close. */
export function tellEnding(saving: Saving | null): string {
  const ending = saving?.ending ?? null;
  if (ending === null) return "";
  if (ending === "writing") return `The window closes as soon as ${saving?.path} is written.`;
  return (
    `${closed(ending.failed)} So the window stays open. Stop tries again; if you close the window once ` +
    "more, the next one tries."
  );
}

/** The window sends no headers of the user's: what can be done where a server wants some. */
function wayRound({ fault, sentence }: Failure): string {
  // The first number: what the server itself says may have others.
  const status = / answered (\d+)/.exec(sentence)?.[1] ?? "";
  if (fault !== "http" || !["401", "403"].includes(status)) return "";
  return " To send a header with the request, run “sse record -o feed.ssrec -- curl …” in a terminal and open that file here.";
}

/** A reason as the Rust side words it, small and without a full stop, as the end of a sentence. */
export function because(reason: string): string {
  return `because ${closed(reason)}`;
}

/** A sentence with its full stop, unless it ends in another. */
export function closed(sentence: string): string {
  return /[.?!]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Nobody counts the seconds of a long wait. */
function countdown(seconds: number): string {
  if (seconds >= 120) return `in ${Math.ceil(seconds / 60)} min`;
  return seconds > 0 ? `in ${seconds} s` : "now";
}

function told(tone: Told["tone"], headline: string, sentence: string): Told {
  return { tone, headline, countdown: "", sentence };
}
