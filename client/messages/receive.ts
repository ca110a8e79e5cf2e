import type { ContractReader } from '../../core/contract/contract.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { SessionFrame } from '../connection/connection.ts'
import type { Restored } from './restored.ts'
import type { SendQueue } from './send-queue.ts'

/** The parts of a client that frames go to. */
interface ReceiverParts extends Restored {
  readonly queue: SendQueue
  readonly contract: ContractReader | undefined
  /** Reports the error of a frame that has no reply. */
  error(error: RookeryError): void
}

/** Passes the frames of a session to the parts of the client. */
export const receive = (frame: SessionFrame, parts: ReceiverParts): void => {
  const { subscriptions, rooms, queue, contract } = parts
  switch (frame.type) {
    case 'error':
      parts.error(RookeryError.from(frame.error))
      break
    case 'reply':
      subscriptions.onReply(frame)
      queue.onReply(frame)
      break
    case 'unsubscribed':
      subscriptions.revoke(frame)
      break
    case 'replayed':
      subscriptions.onReplayed(frame)
      break
    case 'ping':
      subscriptions.positions.passed(frame)
      break
    default: {
      const message = contract ? contract.message(frame) : frame
      if (message) {
        subscriptions.dispatch(message)
        rooms.dispatch(message)
      }
      // Also past a message that is not valid.
      subscriptions.positions.passed(frame)
    }
  }
}
