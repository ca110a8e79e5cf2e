import type { App } from '../../../core/app/app.ts'
import type { Plugin } from '../../../core/app/plugin.ts'
import { RookeryError } from '../../../core/protocol/errors.ts'
import type { ClientFrame, ServerFrame } from '../../../core/protocol/protocol.ts'
import { checkOptions, option } from '../../../core/util/options.ts'

/** Capabilities that some transports or their peers do not have. Cases that need a missing one are skipped. */
const CAPABILITIES = {
  /** The transport passes a token outside the query: `Handshake.token`. */
  token: true,
  /** Peers can send frames before the welcome frame. */
  earlyFrames: true,
  /** The transport tells an absent payload from null. */
  absentPayload: true,
  /** A peer that is refused for a temporary reason gets a close frame with the reason. */
  passingRefusal: true,
  /** Peers can stop reading: `Peer.pause` and `Peer.resume`. */
  slowReader: true,
  /** Peers can stop answering pings: `Peer.mute`. */
  pingTimeout: true,
}

export type Capability = keyof typeof CAPABILITIES

/** Parameters and token with which a peer connects. */
export interface PeerHandshake {
  /** Arrives as `Handshake.query`. */
  readonly params: Readonly<Record<string, string>>
  /** Arrives as `Handshake.token`. */
  readonly token?: string
}

/**
 * A minimal client of the transport: it sends frames, records the frames that it gets, and does not reconnect.
 * It answers pings, in the way of the transport or with `{ type: 'pong' }`.
 */
export interface Peer {
  /** Sends a frame. Frames are sent in the order of the calls. MUST NOT fail because the connection has ended. */
  send(frame: ClientFrame): void | Promise<void>
  /**
   * All received frames in order, translated to the wire protocol: a refusal in the transport's own form becomes a
   * `close` frame, an acknowledgement becomes a `reply`.
   */
  readonly frames: readonly ServerFrame[]
  /** Undefined until the connection has ended or failed. Then an object, with the code of the error if there was one. */
  readonly closed: { readonly code?: string | undefined } | undefined
  /** Closes the connection as a client does that leaves. */
  close(): void
  /** Drops the connection without a closing handshake, like a network failure. Idempotent, also after the end. */
  abort(): void
  /** Stops reading, so that the server has to buffer. */
  pause?(): void
  resume?(): void
  /** Stops answering pings and sending anything else. */
  mute?(): void
}

export interface ConformanceOptions {
  /** Name of the transport in the report. */
  readonly name: string
  /** Creates the plugin of the transport. Each case starts its own apps and calls it once for each. */
  readonly plugin?: () => Plugin
  /** Creates several plugins, such as `http({ port: 0 })` and the transport. Instead of `plugin`. */
  readonly plugins?: () => readonly Plugin[]
  /**
   * Connects a peer. Resolves as soon as the peer can send, without waiting for the welcome frame. Also resolves for a
   * peer that the server refuses, or that finds no server.
   */
  readonly connect: (app: App, handshake: PeerHandshake) => Promise<Peer>
  /** Capabilities that the transport does not have, each with the reason. @default {} */
  readonly missing?: Partial<Readonly<Record<Capability, string>>>
  /** Milliseconds to wait for any one condition. @default 8000 */
  readonly timeout?: number
  /** Seed of the random choices. Set it to the seed in the report of a run to repeat that run. @default random */
  readonly seed?: number
}

/** The options, checked, with defaults filled in. */
export interface TransportSettings {
  readonly name: string
  readonly plugins: () => readonly Plugin[]
  readonly connect: ConformanceOptions['connect']
  readonly missing: Partial<Readonly<Record<Capability, string>>>
  readonly timeout: number
  readonly seed: number
}

/** @throws `invalid_option` */
export const readTransportOptions = (options: ConformanceOptions): TransportSettings => {
  checkOptions('transportConformance()', options, {
    name: option.string,
    plugin: option.function,
    plugins: option.function,
    connect: option.function,
    missing: option.object,
    timeout: option.integer(1),
    seed: option.integer(0, 2 ** 32 - 1),
  })
  const { name, plugin, plugins, connect, missing = {}, timeout = 8000, seed } = options
  const reasons = Object.fromEntries(Object.keys(CAPABILITIES).map((key) => [key, option.string]))
  checkOptions('transportConformance() missing', missing, reasons)
  const both = plugin && plugins
  if (name === undefined || connect === undefined || both || !(plugin || plugins)) {
    const message = both
      ? "set 'plugin' or 'plugins', not both"
      : "'name', 'connect', and 'plugin' or 'plugins' are required"
    throw new RookeryError('invalid_option', `transportConformance(): ${message}`)
  }
  return {
    name,
    plugins: plugins ?? (() => [(plugin as () => Plugin)()]),
    connect,
    missing,
    timeout,
    seed: seed ?? Math.floor(Math.random() * 2 ** 32),
  }
}
