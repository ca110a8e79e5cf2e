import type { RookeryError } from '../protocol/errors.ts'
import type { MessageFrame, WelcomeFrame } from '../protocol/protocol.ts'
import type { ContractReader, ContractReaderHost } from './contract.ts'

/** What a reader needs of the contract. */
interface Contract {
  readonly hash: string
  readMessage(topic: string, payload: unknown): unknown
  readReply(topic: string, payload: unknown): unknown
}

/** Creates the part of a contract that a client uses. It is here, so that clients without a contract do not load it. */
export const createReader = (contract: Contract, { invalid, warn }: ContractReaderHost): ContractReader => {
  let hasWarned = false
  return {
    compare({ contract: hash }: WelcomeFrame) {
      if (!hash || hash === contract.hash || hasWarned) return
      hasWarned = true
      warn('The server has another version of the contract. Update the client.')
    },
    message(frame: MessageFrame) {
      try {
        return { ...frame, payload: contract.readMessage(frame.topic, frame.payload) }
      } catch (error) {
        invalid(error as RookeryError)
        return undefined
      }
    },
    reply: (topic, payload) => contract.readReply(topic, payload),
  }
}
