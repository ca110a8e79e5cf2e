/** A message, as all members of the room get it on `rooms/<room>/messages`. */
export interface ChatMessage {
  /** Chosen by the sender, so that a message that is sent again after a lost connection is not stored twice. */
  readonly id: string
  readonly from: string
  readonly text: string
  /** When the server accepted the message, in milliseconds since 1970. */
  readonly at: number
}

/** Longest message, in characters. */
export const MAX_TEXT = 500
