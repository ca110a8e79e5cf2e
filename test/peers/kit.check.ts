import { clusterConformance } from 'rookery/testing/conformance'
import { memoryEnvironment } from '../support/conformance-cluster.ts'

clusterConformance({ name: 'memory, beside the oldest vitest', start: () => memoryEnvironment() })
