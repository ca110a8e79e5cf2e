import { historyConformance } from 'rookery/testing/conformance'
import { MemoryStore } from '../../plugins/history/memory-store.ts'

historyConformance({
  name: 'memory',
  start: () => ({ create: () => new MemoryStore() }),
  missing: {
    nodes: 'it is in the memory of one process',
    recreate: 'it is created with the process',
  },
})
