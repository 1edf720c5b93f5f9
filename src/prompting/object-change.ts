/** What a person changes of an object besides its mask; what is absent stays as it is. */
export interface ObjectChange {
  /** What it is called; null for no name. */
  readonly label?: string | null;
  /** What sort of thing it is; null for none. */
  readonly category?: string | null;
  /** Whether nothing but a person may remove it, take it for another object, or say that it is none. */
  readonly locked?: boolean;
}
