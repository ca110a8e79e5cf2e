import { HttpServer, http } from 'rookery/http'
import { socketio } from 'rookery/socketio'
import { transportConformance } from 'rookery/testing'
import { SocketIoPeer } from '../support/conformance-socketio.ts'

transportConformance({
  name: 'socketio',
  plugins: () => [http({ port: 0, hostname: '127.0.0.1' }), socketio({ closeTimeout: 1000 })],
  connect: async (app, handshake) => new SocketIoPeer(app.scope.get(HttpServer).url, handshake),
  missing: {
    absentPayload: 'an argument of an event that is absent arrives as null',
    passingRefusal:
      'a client that Socket.IO tells why it is refused stays away: it loses its connection instead',
  },
})
