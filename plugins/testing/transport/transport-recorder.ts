import { definePlugin, type Plugin } from '../../../core/app/plugin.ts'
import type { PeerSession, Session } from '../../../core/sessions/session.ts'
import {
  type Handshake,
  type Transport,
  type TransportHost,
  Transports,
  type Wire,
} from '../../../core/sessions/transport.ts'

/** One call of `TransportHost.open`. */
export interface OpenCall {
  readonly handshake: Handshake
  readonly wire: Wire
  /** Undefined until the session is open, and if the app refuses the connection. */
  session?: PeerSession
}

/** Wraps every transport of an app and records the transports, handshakes, wires and sessions. */
export class TransportRecorder {
  readonly plugin: Plugin
  readonly transports: Transport[] = []
  readonly openCalls: OpenCall[] = []

  constructor() {
    this.plugin = definePlugin({
      name: 'conformance-recorder',
      setup: (scope) => {
        const transports = scope.get(Transports)
        const add = transports.add.bind(transports)
        transports.add = (transport) => add(this.#wrapTransport(transport))
      },
    })
  }

  /** The wire that the transport gave for a session. */
  wireOf(session: Session | undefined): Wire {
    const call = this.openCalls.find((each) => each.session !== undefined && each.session === session)
    if (!call) throw new Error('The app has no such session')
    return call.wire
  }

  #wrapTransport(transport: Transport): Transport {
    this.transports.push(transport)
    return {
      name: transport.name,
      start: (host) => transport.start(this.#wrapHost(host)),
      stop: () => transport.stop(),
    }
  }

  #wrapHost(host: TransportHost): TransportHost {
    return {
      limits: host.limits,
      fairQueue: host.fairQueue,
      begin: (address, act) => host.begin(address, act),
      open: async (handshake, wire) => {
        const call: OpenCall = { handshake, wire }
        this.openCalls.push(call)
        call.session = await host.open(handshake, wire)
        return call.session
      },
      ownerOf: (session, address) => host.ownerOf(session, address),
      count: (error) => host.count(error),
    }
  }
}
