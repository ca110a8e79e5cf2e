import type { ContractIndex } from '../../core/contract/contract.ts'
import type { RookeryError } from '../../core/protocol/errors.ts'
import type { MessageFrame, WelcomeFrame } from '../../core/protocol/protocol.ts'
import { warn } from '../util/debug-log.ts'

/** Validates what the server sends, if the application gave a contract. */
export class ContractReader {
  readonly #contract: ContractIndex | undefined
  readonly #invalid: (error: RookeryError) => void
  #hasWarned = false

  /** @param invalid called with the error of a message that is not valid */
  constructor(contract: ContractIndex | undefined, invalid: (error: RookeryError) => void) {
    this.#contract = contract
    this.#invalid = invalid
  }

  /** Warns once if the server has another contract. */
  compare({ contract }: WelcomeFrame): void {
    if (!this.#contract || !contract || this.#contract.hash === contract || this.#hasWarned) return
    this.#hasWarned = true
    warn('The server has another version of the contract. Update the client.')
  }

  /** Returns the message with the payload that the schema returns; undefined if it is not valid. */
  message(frame: MessageFrame): MessageFrame | undefined {
    if (!this.#contract) return frame
    try {
      return { ...frame, payload: this.#contract.readMessage(frame.topic, frame.payload) }
    } catch (error) {
      this.#invalid(error as RookeryError)
      return undefined
    }
  }

  /** Returns what the schema makes of a reply. @throws `invalid_payload` */
  async reply(topic: string, payload: unknown): Promise<unknown> {
    return this.#contract ? await this.#contract.readReply(topic, payload) : payload
  }
}
