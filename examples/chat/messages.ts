/** A message as everybody in the room gets it, on `rooms/<room>/messages`. */
export interface ChatMessage {
  /** Chosen by who sends, so that sending again after a lost connection makes no second copy. */
  readonly id: string
  readonly from: string
  readonly text: string
  /** When the server took it, in milliseconds since 1970. */
  readonly at: number
}

/** Longest message, in characters. */
export const MAX_TEXT = 500
