import type { Frame, Handshake, PeerSession, Transport, TransportHost, Wire } from 'rookery'

/** What a transport does wrong. What it does not mention it does right. */
export interface Fault {
  readonly handshake?: (handshake: Handshake) => Handshake
  /** Members of each wire, as the app sees it. */
  readonly wire?: (wire: Wire) => Partial<Wire>
  /** Members of each session, as the transport sees it. */
  readonly session?: (session: PeerSession, wire: Wire, handshake: Handshake) => Partial<PeerSession>
  readonly host?: (host: TransportHost) => TransportHost
  readonly stop?: (stop: () => Promise<void>) => Promise<void>
}

/** The same object, with some members of another. */
const overlay = <T extends object>(object: T, over: Partial<T> = {}): T =>
  new Proxy(object, {
    get(target, key) {
      if (key in over) return Reflect.get(over, key)
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

/** Breaks a transport in one way. */
export const breakIt =
  ({ handshake, wire: ofWire, session: ofSession, host: ofHost, stop }: Fault) =>
  (transport: Transport): Transport => ({
    name: transport.name,
    start: (given) => {
      const host = ofHost ? ofHost(given) : given
      return transport.start({
        ...host,
        open: async (said, wire) => {
          const seen = overlay(wire, ofWire?.(wire))
          const session = await host.open(handshake ? handshake(said) : said, seen)
          return overlay(session, ofSession?.(session, seen, said))
        },
      })
    },
    stop: () => (stop ? stop(() => transport.stop()) : transport.stop()),
  })

/** A wire that does something to frames before it writes them. */
export const writing = (change: (frames: readonly Frame[]) => readonly Frame[]): Fault => ({
  wire: (wire) => ({ write: (frames) => wire.write(change(frames)) }),
})

/** A wire that writes only some frames. */
export const writingOnly = (fits: (frame: Frame) => boolean): Fault =>
  writing((frames) => frames.filter(fits))

/** A wire that writes other text than that of the frames. */
export const writingText = (change: (text: string, frame: Frame) => string): Fault =>
  writing((frames) =>
    frames.map((frame) => Object.create(frame, { text: { value: change(frame.text, frame) } }) as Frame),
  )

/** A wire that changes what is in the frames. */
// biome-ignore lint/suspicious/noExplicitAny: frames of every kind
export const changing = (change: (frame: any) => void): Fault =>
  writingText((text) => {
    const frame = JSON.parse(text)
    change(frame)
    return JSON.stringify(frame)
  })

/** A transport that does something to what a peer sends before it passes it on; nothing: it does not. */
export const reading = (
  // biome-ignore lint/suspicious/noExplicitAny: frames of every kind
  change: (frame: any, pass: (frame: any) => void, wire: Wire) => void,
): Fault => ({
  session: (session, wire) => ({
    receive: (text) =>
      change(JSON.parse(text as string), (frame) => session.receive(JSON.stringify(frame)), wire),
  }),
})
