import { HttpServer, http } from 'rookery/http'
import { socketio } from 'rookery/socketio'
import { transportConformance } from 'rookery/testing/conformance'
import { SocketIoPeer } from '../support/conformance-socketio.ts'

transportConformance({
  name: 'socketio',
  plugins: () => [http({ port: 0, hostname: '127.0.0.1' }), socketio({ closeTimeout: 1000 })],
  connect: async (app, handshake) => new SocketIoPeer(app.scope.get(HttpServer).url, handshake),
  missing: {
    absentPayload: 'an absent argument of an event arrives as null',
    passingRefusal:
      'a Socket.IO client does not reconnect after a refusal with a reason: it only loses its connection',
  },
})
