export { type NatsOptions, nats } from './plugin.ts'
