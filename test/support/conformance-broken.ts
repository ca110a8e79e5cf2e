import type { Frame, Handshake, PeerSession, Transport, TransportHost, Wire } from 'rookery'

/** One fault of a transport. Everything that the fault does not mention works correctly. */
export interface Fault {
  readonly handshake?: (handshake: Handshake) => Handshake
  /** Replaces members of each wire that the app gets. */
  readonly wire?: (wire: Wire) => Partial<Wire>
  /** Replaces members of each session that the transport gets. */
  readonly session?: (session: PeerSession, wire: Wire, handshake: Handshake) => Partial<PeerSession>
  readonly host?: (host: TransportHost) => TransportHost
  readonly stop?: (stop: () => Promise<void>) => Promise<void>
}

/** Wraps an object and replaces some of its members. */
const overlay = <T extends object>(object: T, over: Partial<T> = {}): T =>
  new Proxy(object, {
    get(target, key) {
      if (key in over) return Reflect.get(over, key)
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

/** Adds a fault to a transport. */
export const addFault =
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

/** A wire that changes the batch of frames before it writes them. */
export const writing = (change: (frames: readonly Frame[]) => readonly Frame[]): Fault => ({
  wire: (wire) => ({ write: (frames) => wire.write(change(frames)) }),
})

/** A wire that writes only some frames. */
export const writingOnly = (fits: (frame: Frame) => boolean): Fault =>
  writing((frames) => frames.filter(fits))

/** A wire that changes the text of frames. */
export const writingText = (change: (text: string, frame: Frame) => string): Fault =>
  writing((frames) =>
    frames.map((frame) => Object.create(frame, { text: { value: change(frame.text, frame) } }) as Frame),
  )

/** A wire that changes the fields of frames. */
// biome-ignore lint/suspicious/noExplicitAny: frames of every kind
export const changing = (change: (frame: any) => void): Fault =>
  writingText((text) => {
    const frame = JSON.parse(text)
    change(frame)
    return JSON.stringify(frame)
  })

/** A transport that handles each frame of a peer with `change`. A frame that `change` does not pass on is dropped. */
export const reading = (
  // biome-ignore lint/suspicious/noExplicitAny: frames of every kind
  change: (frame: any, pass: (frame: any) => void, wire: Wire) => void,
): Fault => ({
  session: (session, wire) => ({
    receive: (text) =>
      change(JSON.parse(text as string), (frame) => session.receive(JSON.stringify(frame)), wire),
  }),
})
