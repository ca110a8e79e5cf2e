import type { RawData } from 'ws'
import type { Reader } from '../../core/admission/stream-reader.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { readClientFrame } from '../../core/protocol/read-frame.ts'
import type { Limits } from '../../core/sessions/limits.ts'
import type { PeerSocket } from './peer.ts'

/** A message of the peer. */
type Message = readonly [data: RawData, isBinary: boolean]

/** The frames that came from a peer before its session was open. */
export interface Early {
  /** Id of the frame with the token, if it wants a reply. */
  readonly id: number | undefined
  /** Messages that came in one piece with that frame. */
  readonly messages: readonly Message[]
  /** A breach of the protocol after that frame. */
  readonly fault: RookeryError | undefined
}

/** Reads the frame with the token, and leaves later frames unread. */
export class FirstFrame {
  /**
   * The token of the frame.
   *
   * @throws `unauthenticated` for any other frame, the error of an invalid frame, `disconnected`
   */
  readonly token: Promise<string>
  readonly #ws: PeerSocket
  readonly #reader: Reader
  readonly #limits: Limits
  readonly #messages: Message[] = []
  #resolve!: (token: string) => void
  #reject!: (error: RookeryError) => void
  #read = false
  #bytes = 0
  #id: number | undefined
  #fault: RookeryError | undefined

  constructor(ws: PeerSocket, reader: Reader, limits: Limits) {
    this.#ws = ws
    this.#reader = reader
    this.#limits = limits
    this.token = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // The hook that asked for it may no longer wait.
    this.token.catch(() => {})
    ws.onFault((error) => {
      this.#fault = error
      this.#reject(error)
    })
    ws.on('message', this.#take)
    ws.once('close', this.#gone)
    reader.start()
  }

  /** Stops reading; returns what has come. */
  stop(): Early {
    this.#ws.off('message', this.#take)
    this.#ws.off('close', this.#gone)
    this.#ws.onFault(undefined)
    return { id: this.#id, messages: this.#messages, fault: this.#fault }
  }

  readonly #gone = () => this.#reject(new RookeryError('disconnected'))

  readonly #take = (data: RawData, isBinary: boolean): void => {
    if (this.#read) {
      this.#keep(data, isBinary)
      return
    }
    this.#read = true
    // `ws` may have parsed more frames already, from the same piece.
    this.#reader.stop()
    const frame = readClientFrame(String(data), this.#limits)
    if (isBinary) this.#reject(new RookeryError('binary_not_supported'))
    else if (frame.type === 'invalid') this.#reject(frame.error)
    else if (frame.type === 'auth') {
      this.#id = frame.id
      this.#resolve(frame.token)
    } else
      this.#reject(
        new RookeryError('unauthenticated', 'The first frame must have the type auth, with a token'),
      )
  }

  /** Keeps a later message of the same piece. A compressed piece can be large, so there is a limit. */
  #keep(data: RawData, isBinary: boolean): void {
    this.#bytes += (data as Buffer).length
    if (this.#bytes <= this.#limits.maxBuffered) this.#messages.push([data, isBinary])
    else this.#fault ??= new RookeryError('rate_limited', 'Too much came before the welcome')
  }
}
