import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import type { PeerSession, Session } from '../../core/sessions/session.ts'
import {
  type Handshake,
  type Transport,
  type TransportHost,
  Transports,
  type Wire,
} from '../../core/sessions/transport.ts'

/** One call of `TransportHost.open`. */
export interface Opening {
  readonly handshake: Handshake
  readonly wire: Wire
  /** Undefined before it is open, and when it was refused. */
  session?: PeerSession
}

/** Stands between transports and the app, and remembers what they hand to each other. */
export class Probe {
  readonly plugin: Plugin
  readonly transports: Transport[] = []
  readonly openings: Opening[] = []

  constructor() {
    this.plugin = definePlugin({
      name: 'conformance-probe',
      setup: (scope) => {
        const transports = scope.get(Transports)
        const add = transports.add.bind(transports)
        transports.add = (transport) => add(this.#between(transport))
      },
    })
  }

  /** The wire of a session. */
  wireOf(session: Session | undefined): Wire {
    const opening = this.openings.find((one) => one.session !== undefined && one.session === session)
    if (!opening) throw new Error('The app has no such session')
    return opening.wire
  }

  #between(transport: Transport): Transport {
    this.transports.push(transport)
    return {
      name: transport.name,
      start: (host) => transport.start(this.#listenIn(host)),
      stop: () => transport.stop(),
    }
  }

  #listenIn(host: TransportHost): TransportHost {
    return {
      limits: host.limits,
      fairQueue: host.fairQueue,
      begin: (address, act) => host.begin(address, act),
      open: async (handshake, wire) => {
        const opening: Opening = { handshake, wire }
        this.openings.push(opening)
        opening.session = await host.open(handshake, wire)
        return opening.session
      },
    }
  }
}
