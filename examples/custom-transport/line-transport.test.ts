import { transportConformance } from 'rookery/testing/conformance'
import { LinePeer } from './line-peer.ts'
import { LineServer, lines } from './line-transport.ts'

transportConformance({
  name: 'lines',
  plugin: () => lines({ port: 0, host: '127.0.0.1' }),
  connect: async (app, handshake) => new LinePeer(app.scope.get(LineServer).port, handshake),
})
