import { clusterConformance } from 'rookery/testing'
import { memoryEnvironment } from '../support/conformance-cluster.ts'

clusterConformance({ name: 'memory', start: () => memoryEnvironment() })
