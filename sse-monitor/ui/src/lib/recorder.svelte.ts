import type { Feed } from "./feed.svelte";
import { counted, fileName, inFile } from "./format";
import { closed, tellEnding } from "./state";
import { suggestedPath } from "./suggest";
import type { Telling } from "./telling.svelte";
import * as wire from "./wire";

/** What the window does about the field that asks for a path. */
interface Field {
  /** Opens it, for another path. */
  askElsewhere: () => void;
  /** No other path is needed for a recording: it is tried at its own once more, or given up. */
  dropElsewhere: () => void;
}

/** What is watched, on its way into a file. Made while a component is, whose effects are its own. */
export class Recorder {
  /** Whether a recording is being put in its file, which takes minutes if it is large. */
  writing = $state(false);
  /** Where a recording is or was meant to be that is over, while the head, which comes later, tells of it. */
  #over = $state.raw<string[]>([]);

  readonly #feed: Feed;
  readonly #telling: Telling;
  readonly #field: Field;

  constructor(feed: Feed, telling: Telling, field: Field) {
    this.#feed = feed;
    this.#telling = telling;
    this.#field = field;

    // Another one may be meant for the same file.
    $effect(() => {
      if (!this.#isOver) this.#over = [];
    });

    // Once: a head that only tells of more rows would bring back what was dismissed, or lay it over what was told
    // since.
    $effect(() => {
      if (this.#farewell === "") return;
      const isWriting = this.#endsWithWindow;
      telling.notice = { text: this.#farewell, bad: !isWriting, actions: isWriting ? [] : this.#unsaved };
    });
  }

  readonly #saving = $derived.by(() => this.#feed.head.saving);
  /** What is said of a recording that ends with the window. */
  readonly #farewell = $derived.by(() => tellEnding(this.#saving));
  readonly #endsWithWindow = $derived.by(() => this.#saving?.ending === "writing");
  readonly #isOver = $derived.by(() => this.#saving !== null && this.#over.includes(this.#saving.path));

  /** Whether there is nothing to be stopped: asked for twice, it would find no recording the second time. */
  readonly isStopped = $derived.by(() => this.writing || this.#isOver || this.#endsWithWindow);

  /** What goes into a file beside what is to come. */
  readonly note = $derived.by(() => {
    const { nextRow, firstRow } = this.#feed.head.snapshot;
    const kept = nextRow - firstRow;
    const before = kept === 0 ? "" : `with the ${counted(kept, "row")} that ${kept === 1 ? "is" : "are"} kept, `;
    return `The file is written at Stop, ${before}and with what comes until then.`;
  });

  /** A file to be suggested. */
  suggested(): string {
    return suggestedPath(this.#feed.head.snapshot.url, new Date());
  }

  async record(path: string): Promise<void> {
    await this.#mean(path);
    this.#telling.notice = null;
    this.#feed.refresh();
  }

  /**
   * Writes all that there is by now, while more may come: with `first` done before, once it is known where it can be
   * written.
   */
  async save(path: string, first: () => Promise<void> = async () => {}): Promise<void> {
    // Closed from now on, the field does not lead back to what it was opened for.
    this.writing = true;
    try {
      await this.#mean(path);
      await first();
      await this.#write(wire.finish()).catch(async (sentence: unknown) => {
        await wire.discard();
        throw sentence;
      });
    } finally {
      this.writing = false;
    }
  }

  async saveElsewhere(path: string): Promise<void> {
    if (this.isStopped) throw "the recording is being written already";
    await this.#write(wire.finishElsewhere(path, fileName(this.suggested())));
  }

  stop(): void {
    if (this.isStopped) return;
    this.#field.dropElsewhere();
    this.#telling.notice = null;
    this.#write(wire.finish()).catch(this.tellUnsaved);
  }

  /** Without its file, what was watched stays in the window. */
  giveUp(): void {
    wire.discard().then(() => {
      this.#end([]);
      this.#field.dropElsewhere();
      this.#telling.notice = null;
    }, this.#telling.tell);
  }

  /** Of recordings whose windows were killed. */
  tellRecovered({ saved, troubles }: wire.Recovered, open: (path: string) => Promise<void>): void {
    if (saved.length + troubles.length === 0) return;
    const telling = this.#telling;
    const files = saved.map(inFile).join(", ");
    const found = files === "" ? [] : [`An earlier window did not end well. What it recorded is saved: ${files}.`];
    const [first] = saved;
    const run = () => void open(first?.path ?? "").catch(telling.tell);
    const actions = saved.length === 1 ? [{ label: "Open it", run }] : [];
    // What the command line asks for may have been refused.
    const before = telling.notice === null ? [] : [closed(telling.notice.text)];
    const text = [...before, ...found, ...troubles].join(" ");
    telling.notice = { text, bad: telling.notice?.bad === true || troubles.length > 0, actions };
  }

  /** What can be done where a file cannot be written. */
  readonly #unsaved = [
    { label: "Save elsewhere…", run: () => this.#field.askElsewhere() },
    { label: "Give it up", run: () => this.giveUp() },
  ];

  readonly tellUnsaved = (sentence: unknown): void => {
    const text = `${closed(String(sentence))} Stop tries again.`;
    this.#telling.notice = { text, bad: true, actions: this.#unsaved };
  };

  async #mean(path: string): Promise<void> {
    await wire.record(path, fileName(this.suggested()));
  }

  async #write(answer: Promise<wire.Saved[]>): Promise<void> {
    this.writing = true;
    try {
      const saved = await answer;
      this.#end(saved);
      this.#telling.notice = { text: `Recorded ${saved.map(inFile).join(", ")}.`, bad: false };
    } finally {
      this.writing = false;
    }
  }

  /** There is no recording any more; these files are written of it. */
  #end(saved: wire.Saved[]): void {
    const saving = this.#saving;
    if (saving !== null) this.#over = [saving.path, ...saved.map(({ path }) => path)];
  }
}
