/** What is told of something the user did, or that became of it. */
export interface Told {
  text: string;
  bad: boolean;
  /** What can be done about it. */
  actions?: { label: string; run: () => void }[];
}

/** The places where something is told, of which no two tell the same. */
export class Telling {
  notice = $state<Told | null>(null);
  /** Why the last URL asked for was refused. */
  refusal = $state("");
  /** The same of the last path. */
  pathRefusal = $state("");

  /** What is told anew elsewhere need not stand where it was told. */
  takeBack(sentence: unknown): void {
    const text = String(sentence);
    if (this.notice?.text === text) this.notice = null;
    if (this.refusal === text) this.refusal = "";
    if (this.pathRefusal === text) this.pathRefusal = "";
  }

  readonly tell = (sentence: unknown): void => {
    this.takeBack(sentence);
    this.notice = { text: String(sentence), bad: true };
  };

  readonly refuse = (sentence: unknown): void => {
    this.takeBack(sentence);
    this.refusal = String(sentence);
  };
}
