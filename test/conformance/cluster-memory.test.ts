import { clusterConformance } from 'rookery/testing/conformance'
import { memoryEnvironment } from '../support/conformance-cluster.ts'

clusterConformance({ name: 'memory', start: () => memoryEnvironment() })
