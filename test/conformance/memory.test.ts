import { transportConformance } from 'rookery/testing/conformance'
import { Memory, memory } from '../support/conformance-memory.ts'

transportConformance({
  name: 'memory',
  plugin: () => memory(),
  connect: async (app, handshake) => app.scope.get(Memory).connect(handshake),
})
