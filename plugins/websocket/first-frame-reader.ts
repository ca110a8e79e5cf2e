import type { RawData } from 'ws'
import type { Reader } from '../../core/admission/stream-reader.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { readClientFrame } from '../../core/protocol/read-frame.ts'
import type { Limits } from '../../core/sessions/limits.ts'
import type { PeerSocket } from './peer-socket.ts'

/** A message of the client. */
type Message = readonly [data: RawData, isBinary: boolean]

/** The frames that arrived before the session was open. */
export interface EarlyFrames {
  /** Id of the first frame; undefined if the client expects no reply. */
  readonly id: number | undefined
  /** Messages that arrived in the same chunk of bytes as the first frame. */
  readonly messages: readonly Message[]
  /** Error in the bytes that follow the first frame. */
  readonly protocolError: RookeryError | undefined
}

/** Reads the client's first frame, which holds the token, and leaves later frames unread. */
export class FirstFrameReader {
  /**
   * The token of the first frame.
   *
   * @throws `unauthenticated` if the frame has another type, the error of an invalid frame, `disconnected`
   */
  readonly token: Promise<string>
  readonly #ws: PeerSocket
  readonly #reader: Reader
  readonly #limits: Limits
  readonly #messages: Message[] = []
  #resolve!: (token: string) => void
  #reject!: (error: RookeryError) => void
  #hasRead = false
  #bytes = 0
  #id: number | undefined
  #protocolError: RookeryError | undefined

  constructor(ws: PeerSocket, reader: Reader, limits: Limits) {
    this.#ws = ws
    this.#reader = reader
    this.#limits = limits
    this.token = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // The hook that asked for the token may have stopped waiting for it.
    this.token.catch(() => {})
    ws.onProtocolError((error) => {
      this.#protocolError = error
      this.#reject(error)
    })
    ws.on('message', this.#onMessage)
    ws.once('close', this.#onClose)
    reader.start()
  }

  /** Stops reading and returns the frames that have arrived. */
  stop(): EarlyFrames {
    this.#ws.off('message', this.#onMessage)
    this.#ws.off('close', this.#onClose)
    this.#ws.onProtocolError(undefined)
    return { id: this.#id, messages: this.#messages, protocolError: this.#protocolError }
  }

  readonly #onClose = () => this.#reject(new RookeryError('disconnected'))

  readonly #onMessage = (data: RawData, isBinary: boolean): void => {
    if (this.#hasRead) {
      this.#keep(data, isBinary)
      return
    }
    this.#hasRead = true
    // `ws` may still emit frames that it has parsed from the same chunk.
    this.#reader.stop()
    const frame = readClientFrame(String(data), this.#limits)
    if (isBinary) this.#reject(new RookeryError('binary_not_supported'))
    else if (frame.type === 'invalid') this.#reject(frame.error)
    else if (frame.type === 'auth') {
      this.#id = frame.id
      this.#resolve(frame.token)
    } else {
      const message = 'The first frame must have the type auth and a token'
      this.#reject(new RookeryError('unauthenticated', message))
    }
  }

  /** Keeps a later message of the same chunk, up to `maxBuffered` bytes: a compressed chunk can be large. */
  #keep(data: RawData, isBinary: boolean): void {
    this.#bytes += (data as Buffer).length
    if (this.#bytes <= this.#limits.maxBuffered) this.#messages.push([data, isBinary])
    else this.#protocolError ??= new RookeryError('rate_limited', 'Too many bytes came before the welcome')
  }
}
