import type { App } from '../../../core/app/app.ts'
import type { Plugin } from '../../../core/app/plugin.ts'
import { RookeryError } from '../../../core/protocol/errors.ts'
import type { ClientFrame, ServerFrame } from '../../../core/protocol/protocol.ts'
import { checkOptions, option } from '../../../core/util/options.ts'

/** What not every transport, or not every peer of one, can do. The cases that need it are skipped without it. */
const CAPABILITIES = {
  /** Peers present a token in a way of the transport's own: `Handshake.token`. */
  token: true,
  /** Peers can send before they have been welcomed. */
  earlyFrames: true,
  /** A payload that is absent is not the same as null. */
  absentPayload: true,
  /** A peer that is refused for a reason that passes is told the reason. */
  passingRefusal: true,
  /** Peers can stop reading: `Peer.pause` and `Peer.resume`. */
  slowReader: true,
  /** Peers can stop answering pings: `Peer.mute`. */
  pingTimeout: true,
}

export type Capability = keyof typeof CAPABILITIES

/** What a peer says when it connects. */
export interface PeerHandshake {
  /** Arrives as `Handshake.query`. */
  readonly params: Readonly<Record<string, string>>
  /** Arrives as `Handshake.token`. */
  readonly token?: string
}

/**
 * A client of the transport, as simple as it can be: it sends frames, remembers what comes, and does not come back.
 * It answers pings, in the way of the transport or with `{ type: 'pong' }`.
 */
export interface Peer {
  /** Sends a frame. Frames leave in the order of the calls. MUST NOT fail because the connection has ended. */
  send(frame: ClientFrame): void | Promise<void>
  /**
   * All that came, in order and in the shape of the wire protocol, whatever the transport makes of it: a refusal by
   * other means is a `close` frame, an acknowledgement is a `reply`.
   */
  readonly frames: readonly ServerFrame[]
  /** Undefined until the connection has ended or could not be made; then with the error's code, if there was one. */
  readonly closed: { readonly code?: string | undefined } | undefined
  /** Ends the connection politely. */
  close(): void
  /** Ends it without a word, as a network that fails. Idempotent, also after an end. */
  abort(): void
  /** Stops reading what comes, so that it piles up at the server. */
  pause?(): void
  resume?(): void
  /** No longer answers pings, nor gives any other sign of life. */
  mute?(): void
}

export interface ConformanceOptions {
  /** Name of the transport, for the report. */
  readonly name: string
  /** Makes the transport's plugin. Called for every app, of which each case starts its own. */
  readonly plugin?: () => Plugin
  /** Where it takes several, such as `http({ port: 0 })` and the transport. */
  readonly plugins?: () => readonly Plugin[]
  /**
   * Connects a peer. Resolves as soon as the peer can send, without waiting for the welcome; for a peer that is
   * refused too, or that finds no server.
   */
  readonly connect: (app: App, handshake: PeerHandshake) => Promise<Peer>
  /** Capabilities that the transport does not have, each with the reason. @default {} */
  readonly missing?: Partial<Readonly<Record<Capability, string>>>
  /** Milliseconds that anything promised may take to come true. @default 8000 */
  readonly timeout?: number
  /** Repeats a run: the report names the seed that each has. @default a random one */
  readonly seed?: number
}

/** Options, checked and complete. */
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
    const wanted = both ? "either 'plugin' or 'plugins'" : "'name', 'connect', and 'plugin' or 'plugins'"
    throw new RookeryError('invalid_option', `transportConformance(): give it ${wanted}`)
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
